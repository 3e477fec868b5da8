use super::*;
use crate::architecture::PRESETS;

fn refusal(text: &str) -> String {
    Preprocessing::parse(text).unwrap_err().to_string()
}

#[test]
fn every_name_is_valid_and_reads_back() {
    for name in NAMES {
        let preprocessing = Preprocessing::parse(name).unwrap();
        assert_eq!(preprocessing, Preprocessing::named(name).unwrap());
        assert_eq!(preprocessing.to_string(), name);
        assert_eq!(Preprocessing::parse(&serde_json::to_string(&preprocessing).unwrap()).unwrap(), preprocessing);
    }
    assert_eq!(Preprocessing::named("Torchvision"), None);
}

#[test]
fn a_list_sets_what_it_names() {
    let preprocessing = Preprocessing::parse(
        "resize=256, crop=224,mean=103.94:116.78:123.68,std=1/0.017,scale=1,filter=bicubic,colour=bgr",
    );
    let preprocessing = preprocessing.unwrap();
    assert_eq!((preprocessing.resize, preprocessing.crop), (Resize::Shorter(256), Some(InputSize::square(224))));
    assert_eq!((preprocessing.filter, preprocessing.colour, preprocessing.scale), (Filter::Bicubic, Colour::Bgr, 1.0));
    assert_eq!(preprocessing.mean, [103.94, 116.78, 123.68]);
    assert_eq!(preprocessing.std, [1.0 / 0.017; 3]);
    assert_eq!(Preprocessing::parse(&preprocessing.to_string()).unwrap(), preprocessing);

    let exact = Preprocessing::parse("resize=97x131").unwrap();
    assert_eq!(exact.resize, Resize::Exact(InputSize { height: 97, width: 131 }));
    assert_eq!(exact.scale, 1.0 / 255.0);

    let changed = Preprocessing::parse("timm,resize=320,crop=288").unwrap();
    assert_eq!((changed.filter, changed.mean.as_slice()), (Filter::Bicubic, IMAGENET_MEAN.as_slice()));
    assert_eq!(changed.name, "custom");
}

#[test]
fn mistakes_are_answered_with_what_is_accepted() {
    for (text, part) in [
        ("imagenet", "write torchvision, timm"),
        ("", "write torchvision"),
        ("resize=256;crop=224", "is not a size"),
        ("resize=256,mean", "'mean' is not a setting"),
        ("size=3", "'size' is not a setting"),
        ("mean=0.5/0.5/0.5", "separated by colons"),
        ("mean=0.5:0.5", "one for each of 3 channels"),
        ("mean=1:2:3,std=1:2", "one for each of 3 channels"),
        ("std=0", "above 0"),
        ("scale=nan", "above 0"),
        ("scale=1/0", "above 0"),
        ("mean=inf", "finite"),
        ("filter=cubic", "bicubic or lanczos"),
        ("colour=grb", "rgb or bgr"),
        ("crop=0", "is not a size"),
        ("resize=9000", "8192"),
        ("{\"resize\":\"none\"}", "missing field"),
        ("{\"resize\":{\"shorter\":0},\"scale\":1,\"mean\":[0],\"std\":[1]}", "out of range"),
    ] {
        let message = refusal(text);
        assert!(message.contains(part), "{text}: {message}");
        assert!(message.starts_with("input: preprocessing '"), "{message}");
    }
}

#[test]
fn another_size_keeps_the_ratio() {
    let torchvision = Preprocessing::named("torchvision").unwrap();
    assert_eq!(torchvision.with_size(InputSize::square(224)), torchvision);
    let small = torchvision.with_size(InputSize { height: 97, width: 131 });
    assert_eq!(small.resize, Resize::Shorter(150));
    assert_eq!(small.size(), Some(InputSize { height: 97, width: 131 }));
    let keras = Preprocessing::named("keras").unwrap().with_size(InputSize::square(299));
    assert_eq!(keras.resize, Resize::Exact(InputSize::square(299)));
    let none = Preprocessing::named("none").unwrap();
    assert_eq!(none.size(), None);
    assert_eq!(none.with_size(InputSize::square(32)).resize, Resize::None);
}

#[test]
fn architectures_get_the_preprocessing_of_their_kind() {
    for name in PRESETS {
        let expected = if name.starts_with("densenet-") { "cifar10" } else { "torchvision" };
        assert_eq!(Preprocessing::default_for(&Architecture::preset(name).unwrap()).name, expected, "{name}");
    }
    let mut grey = Architecture::preset("densenet-bc-100-12").unwrap();
    grey.input_channels = 1;
    assert_eq!(Preprocessing::default_for(&grey).name, "mnist");
    grey.name = "DenseNet121".into();
    assert_eq!(Preprocessing::default_for(&grey).name, "mnist", "nothing depends on the name");
    grey.head = crate::architecture::Head::linear(2);
    assert_eq!(Preprocessing::default_for(&grey).name, "torchvision");
}
