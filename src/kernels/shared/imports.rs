//! The shared WGSL files that kernels of more than one folder import.

use crate::kernels::text::{Text, wgsl};

pub(in crate::kernels) const PACKED_F32: Text = wgsl!("shared/packed_f32.wgsl");
pub(in crate::kernels) const PACKED_F16: Text = wgsl!("shared/packed_f16.wgsl");
pub(in crate::kernels) const ACTIVATE: Text = wgsl!("shared/activate.wgsl");
