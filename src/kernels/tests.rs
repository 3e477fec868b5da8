use super::*;
use crate::error::Error;

#[test]
fn imports_are_replaced() {
    for kernel in Kernel::ALL {
        for subgroup in [0, 8] {
            let source = Variant { subgroup, ..Variant::plain(kernel) }.source();
            assert!(!source.contains("#import"), "{}", kernel.name());
            assert_eq!(source.contains("subgroupShuffle"), subgroup > 0 && kernel.exchanges(), "{}", kernel.name());
        }
    }
}

#[test]
fn families_are_read() {
    assert_eq!("buffer".parse(), Ok(KernelFamily::Buffer));
    assert_eq!("texture".parse(), Ok(KernelFamily::Texture));
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
        place: TapPlace::Buffer { tensor_quads: 2 },
        first_quad: 0,
        channel_map: map.to_vec(),
        height: 1,
        width: 2,
    };
    let region = [1., 2., 9., 9., 3., 4., 9., 9., 5., 9., 9., 9., 6., 9., 9., 9.];
    assert_eq!(tap.unpack(&region), [1., 3., 2., 4., 5., 6.]);
    assert_eq!(tap.channels(), 3);
    // From a texture each row of texels is copied to a multiple of 256 bytes.
    let panels = Panels::new(2, [1, 1, 2], 100);
    let tap = TapSource { place: TapPlace::Texture(panels), ..tap };
    let mut image = vec![f32::NAN; tap.bytes() / 4];
    image[..8].copy_from_slice(&region[..8]);
    image[64..72].copy_from_slice(&region[8..]);
    assert_eq!(tap.unpack(&image), [1., 3., 2., 4., 5., 6.]);
}

#[test]
fn panels_stay_inside_the_limit_and_never_overlap() {
    for (quads, rows, row, most) in [(64, 56, 56, 8192), (864, 14, 14, 8192), (64, 256 * 32, 7, 8192), (3, 10, 4, 8)] {
        let panels = Panels::new(quads, [1, rows, row], most);
        assert!(panels.height() < most && panels.count * panels.groups >= rows);
        let mut seen = std::collections::HashSet::new();
        for group in 0..rows {
            let [x, y] = panels.place(group);
            assert!(x + row <= panels.width() && y + quads <= panels.height());
            assert!(seen.insert((x, y)));
        }
    }
}

#[test]
fn limits_speak_of_themselves() {
    let error = Error::Limit { what: "x".into(), limit: "max_y", need: 2, have: 1, remedy: "do z".into() };
    assert_eq!(error.to_string(), "x needs 2 of max_y, but the limit is 1: do z");
}
