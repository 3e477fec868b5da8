//! TypeScript's types of what Rust has no type for.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
declare global {
    // A worker's types lack them.
    interface HTMLImageElement { readonly naturalWidth: number; }
    interface HTMLCanvasElement { width: number; height: number; }
    interface HTMLVideoElement { readonly videoWidth: number; }
}

/** How a variant of a kernel answered the self-test of a device: small questions with exact answers. */
export interface KernelVerdict {
    kernel: string;
    variant: string;
    result: "ok" | "wrong" | "failed" | "unsupported";
    /** What was wrong. */
    reason: string | null;
}

/** What weights are read from: an address, or what holds the bytes of a weight file. */
export type WeightSource = string | URL | Response | Promise<Response> | Blob | ArrayBuffer | ArrayBufferView;

/** A picture. The browser's own pictures are taken as they are; PNG and JPEG files are read as the command line tool reads them, others as the browser does. */
export type Picture =
    | Blob | ImageBitmap | ImageData | HTMLImageElement | HTMLCanvasElement | OffscreenCanvas | HTMLVideoElement | VideoFrame;

/** Values of one image as the network takes them, resized and normalised: [channels, height, width]. */
export interface ImageTensor { tensor: Float32Array; shape: readonly [number, number, number]; }

/** The same, or with the number of images before it: [images, channels, height, width]. */
export interface TensorInput { tensor: Float32Array; shape: readonly number[]; }

/** How far loading is. */
export interface LoadProgress {
    /** "download" counts bytes, "load" steps. */
    phase: "download" | "load";
    done: number;
    /** Unknown where a server does not say how long a file is. */
    total?: number;
    /** What is being done. */
    what: string;
}

export interface LoadOptions {
    onProgress?: ((progress: LoadProgress) => void) | undefined;
    /** "auto", the default, is a GPU, else the CPU; a GPU that the browser emulates in software does not count. */
    engine?: "auto" | "gpu" | "cpu" | undefined;
    /** The kernels of a GPU, in place of those that suit it: engine "gpu" alone. */
    kernels?: "buffer" | "texture" | undefined;
    /** Names of the classes in place of the file's, one for each. */
    labels?: string[] | undefined;
    /**
     * What is done to pictures, in place of the file's: a name such as "torchvision", "keras", "timm" or "none", or settings as the
     * command line tool's `--preset` takes them: "timm,resize=320,crop=288,mean=0.5,std=0.25".
     */
    preprocessing?: string | undefined;
    /** What makes scores of the logits, in place of the file's: "softmax", "sigmoid" or "none". */
    activation?: string | undefined;
    /** The layers behind the pooling, which a file of parameters alone does not tell, such as "relu, avg, linear 6, gelu, linear 3". */
    head?: string | undefined;
    /** A module of a larger network, such as "encoder": the DenseNet in it is read alone, for features. */
    part?: string | undefined;
    /** Keeps what is downloaded from an address in the browser's Cache, until the server has another ETag. */
    cache?: boolean | undefined;
    /** Stops downloading and loading, which then fail with the signal's reason. */
    signal?: AbortSignal | undefined;
}

export interface ClassifyOptions {
    /** How many of the likeliest classes `top` has: 5. */
    top?: number | undefined;
    /** A class map: of the likeliest class, or of this one. */
    cam?: boolean | number | undefined;
    /** Layers whose feature maps are wanted, by their names in `classifier.layers`. */
    taps?: string[] | undefined;
    /** Stops waiting pictures of a batch. */
    signal?: AbortSignal | undefined;
}

/** One of the likeliest classes. */
export interface Place {
    class: number;
    label: string;
    /** A probability, or the logit of a network without an activation. */
    score: number;
}

export interface Classification {
    /** The likeliest classes, the likeliest first. */
    top: Place[];
    /** The network's output, one number for each class. */
    logits: Float32Array;
    /** The logits after the activation. */
    scores: Float32Array;
    /** Where the network saw the class: a layer of the whole picture's proportions, the hotter the less transparent. */
    cam?: ImageData;
    /** The feature maps that were asked for. */
    taps?: Record<string, FeatureMaps>;
    /** Milliseconds that the call took; of several pictures, for all of them. */
    ms: number;
    /** What looked wrong with the picture. */
    warnings: string[];
}

/** What a layer puts out: [channels, height, width]. */
export interface FeatureMaps { channels: number; height: number; width: number; data: Float32Array; }

/** A part of the network whose output can be looked at. */
export interface Layer {
    name: string;
    kind: "stem" | "layer" | "block" | "transition";
    /** The number of its dense block, from 0. A stem has none. */
    block?: number;
    channels: number;
}

/** What computes. */
export interface Adapter {
    engine: "gpu" | "cpu";
    /** In words, such as "CPU engine (1 thread, SIMD128)". */
    description: string;
    /** Of a GPU, as far as the browser tells. */
    vendor?: string;
    architecture?: string;
    /** Whether the browser emulates the GPU in software. */
    isFallback?: boolean;
}

/** Every error of this package. */
export interface DenseNetError extends Error {
    name: "DenseNetError";
    code: "file" | "weights" | "input" | "tap" | "limit" | "no-adapter" | "out-of-memory" | "device-lost" | "cancelled" | "device";
}
"#;
