// Classifies digits in a module worker.
import init, { Classifier } from '/pkg/densenet_wgpu.js';

onmessage = async ({ data: { names, engine } }) => {
    try {
        await init();
        const classifier = await Classifier.embedded({ engine });
        const logits = [];
        for (const name of names) {
            const picture = await (await fetch(`/tests/images/digits/${name}.png`)).blob();
            logits.push([...(await classifier.classify(picture)).logits]);
        }
        postMessage({ logits, engine: classifier.adapter.engine });
    } catch (error) {
        postMessage({ error: String(error) });
    }
};
