//! The CPU as an engine: a [`Plan`](crate::low_level::plan::Plan) executed with matrix products, for machines without a GPU and
//! browsers without WebGPU.
//!
//! Feature maps lie pixel by pixel, the channels of each together. A convolution is then a product of two matrices, pixels by
//! input channels and input by output channels, and concatenation is a write offset within each pixel. Every step is cut into
//! parts that threads take, and the cut does not depend on their number: results are the same, bit by bit, with any.
//!
//! Each file uses only files above it in this list:
//!
//! | file | what it holds |
//! |---|---|
//! | `options`, `engine` | [`CpuOptions`]; [`Cpu`]: threads and instructions |
//! | `memory`, `work` | memory that may be refused; scratch memory, and how work is cut |
//! | `layout`, `lanes`, `pixels`, `product` | where values are; runs of channels, of one pixel and of several; products of matrices, and all `unsafe` |
//! | `affine`, `filters`, `winograd` | parameters as kernels read them; the transforms of 3x3 convolutions |
//! | `stem`, `pointwise`, `convolution`, `pool`, `copy`, `head` | the steps |
//! | `kernel` | a step of any kind |
//! | `model` | [`Model`]: packed weights |
//! | `pass`, `session` | memories and steps; [`Session`] |

mod affine;
mod convolution;
mod copy;
mod engine;
mod filters;
mod head;
mod kernel;
mod lanes;
mod layout;
mod memory;
mod model;
mod options;
mod pass;
mod pixels;
mod pointwise;
mod pool;
mod product;
mod session;
mod stem;
mod winograd;
mod work;

pub use engine::Cpu;
pub use model::Model;
pub use options::CpuOptions;
pub use session::Session;
