//! Parameter structs, and the fields that WGSL must agree with.

/// A field of a kernel's parameters: four bytes in the uniform buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, the same in Rust and in WGSL.
    pub name: &'static str,
    /// Bytes before it.
    pub offset: usize,
    /// Its type: `u32` or `f32`.
    pub scalar: &'static str,
}

/// Declares what a kernel is told: `params! { struct Params { pixels: u32, floor: f32 } }`. The struct has the layout of
/// WGSL's uniform buffers, since every field is a scalar of four bytes. `FIELDS` lists the fields, and a test compares them
/// with the WGSL struct by name, type and offset.
macro_rules! params {
    ($(#[$meta:meta])* struct $name:ident { $($field:ident: $scalar:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, bytemuck::NoUninit)]
        #[repr(C)]
        struct $name { $($field: $scalar,)+ }

        impl $name {
            const FIELDS: &'static [$crate::kernels::params::Field] = &[$($crate::kernels::params::Field {
                name: stringify!($field),
                offset: std::mem::offset_of!($name, $field),
                scalar: stringify!($scalar),
            }),+];

            /// What the uniform buffer holds.
            fn bytes(&self) -> Vec<u8> {
                bytemuck::bytes_of(self).to_vec()
            }
        }
    };
}
pub(super) use params;
