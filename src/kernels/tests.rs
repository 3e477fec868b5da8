use super::*;
use crate::error::Error;

#[test]
fn imports_are_replaced() {
    for kernel in Kernel::ALL {
        assert!(!kernel.source().contains("#import"), "{}", kernel.name());
    }
    assert!(Kernel::Pointwise.source().contains("struct Tile"));
}

#[test]
fn families_are_read() {
    assert_eq!("buffer".parse(), Ok(KernelFamily::Buffer));
    assert!("texture".parse::<KernelFamily>().unwrap_err().contains("buffer"));
    assert!("cuda".parse::<KernelFamily>().is_err());
}

#[test]
fn taps_are_unpacked_to_planar_order() {
    // One quad holds channels 0 and 1 and two pads, the next channel 2 and three pads; two pixels.
    let map = [Some(0), Some(1), None, None, Some(2), None, None, None];
    let tap = TapSource {
        name: "t".into(),
        dispatch: 0,
        resource: 0,
        tensor_quads: 2,
        first_quad: 0,
        channel_map: map.to_vec(),
        height: 1,
        width: 2,
    };
    let region = [1., 2., 9., 9., 3., 4., 9., 9., 5., 9., 9., 9., 6., 9., 9., 9.];
    assert_eq!(tap.unpack(&region), [1., 3., 2., 4., 5., 6.]);
    assert_eq!(tap.channels(), 3);
}

#[test]
fn limits_speak_of_themselves() {
    let error = Error::Limit { what: "x".into(), limit: "max_y", need: 2, have: 1, remedy: "do z".into() };
    assert_eq!(error.to_string(), "x needs 2 of max_y, but the limit is 1: do z");
}
