// An activation of each value on its own. `kind` is one of the numbers from Rust; `slope` is that of a leaky ReLU, 0 for a
// plain one.

fn sigmoid(x: vec4<f32>) -> vec4<f32> {
    // Beyond, the result does not change, and exp would overflow.
    return 1.0 / (1.0 + exp(-clamp(x, vec4<f32>(-80.0), vec4<f32>(80.0))));
}

// tanh(x) = 2 sigmoid(2 x) - 1: the builtin may be NaN where exp overflows.
fn hyperbolic_tangent(x: vec4<f32>) -> vec4<f32> {
    return 2.0 * sigmoid(2.0 * x) - 1.0;
}

// The error function. Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26; off by 1.5e-7 at most.
fn error_function(x: vec4<f32>) -> vec4<f32> {
    let z = min(abs(x), vec4<f32>(9.0));
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    return sign(x) * (1.0 - series * exp(-z * z));
}

fn activate(kind: u32, slope: f32, x: vec4<f32>) -> vec4<f32> {
    switch kind {
        case LEAKY_RELU: {
            return max(x, vec4<f32>()) + slope * min(x, vec4<f32>());
        }
        case GELU: {
            return 0.5 * x * (1.0 + error_function(0.70710678 * x));
        }
        case GELU_TANH: {
            // 0.79788456 is sqrt(2 / pi).
            return 0.5 * x * (1.0 + hyperbolic_tangent(0.79788456 * (x + 0.044715 * x * x * x)));
        }
        case SILU: {
            return x * sigmoid(x);
        }
        case TANH: {
            return hyperbolic_tangent(x);
        }
        case SIGMOID: {
            return sigmoid(x);
        }
        default: {
            return x;
        }
    }
}

// Zeros in the place of channels that only pad: `quad` of a vector of `channels`.
fn without_pads(quad: u32, channels: u32, x: vec4<f32>) -> vec4<f32> {
    return select(vec4<f32>(), x, vec4<u32>(QUAD * quad) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(channels));
}
