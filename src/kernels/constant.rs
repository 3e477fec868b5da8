//! Numbers that reach a shader as constants.

/// The value of a constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A `u32`.
    U32(u32),
    /// An `f32`: finite, and not subnormal.
    F32(f32),
}

/// A number of a kernel, declared in Rust and written at the head of its WGSL.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant {
    /// Its name, the same in Rust and in WGSL.
    pub name: &'static str,
    /// Its value.
    pub value: Value,
}

impl Constant {
    pub(super) const fn u32(name: &'static str, value: u32) -> Constant {
        Constant { name, value: Value::U32(value) }
    }

    pub(super) const fn f32(name: &'static str, value: f32) -> Constant {
        Constant { name, value: Value::F32(value) }
    }

    /// Its declaration, exact to the last bit.
    pub fn wgsl(&self) -> String {
        match self.value {
            Value::U32(value) => format!("const {}: u32 = {value}u;", self.name),
            Value::F32(value) => format!("const {}: f32 = {};", self.name, hexadecimal(value)),
        }
    }
}

/// A float in hexadecimal. Decimal digits need not do: Chrome's compiler refuses the usual ones of `f32::MIN`, which lie a
/// little beyond it, although they round to it.
fn hexadecimal(value: f32) -> String {
    let bits = value.to_bits();
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let (exponent, mantissa) = (bits >> 23 & 0xff, bits & 0x7f_ffff);
    match exponent {
        0 if mantissa == 0 => format!("{sign}0.0"),
        1..=254 => format!("{sign}0x1.{:06x}p{:+}f", mantissa << 1, exponent as i32 - 127),
        _ => unreachable!("a constant that is not a normal number: {value}"),
    }
}

/// Constants under the names that they have in Rust: `constants!(u32: TILE_QUADS, STEP; f32: LOWEST)`.
macro_rules! constants {
    ($($kind:ident: $($name:ident),+);+) => {
        &[$($($crate::kernels::constant::Constant::$kind(stringify!($name), $name)),+),+]
    };
}
pub(super) use constants;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_exact() {
        for value in [1.0, -0.1, 65504.0, f32::MIN, f32::MAX, f32::MIN_POSITIVE, 0.0] {
            let text = Constant::f32("X", value).wgsl();
            let module = naga::front::wgsl::parse_str(&text).unwrap_or_else(|e| panic!("{}", e.emit_to_string(&text)));
            let (_, constant) = module.constants.iter().next().unwrap();
            let naga::Expression::Literal(naga::Literal::F32(got)) = module.global_expressions[constant.init] else {
                panic!("{text}");
            };
            assert_eq!(got.to_bits(), value.to_bits(), "{text}");
        }
        assert_eq!(Constant::f32("LOWEST", f32::MIN).wgsl(), "const LOWEST: f32 = -0x1.fffffep+127f;");
    }
}
