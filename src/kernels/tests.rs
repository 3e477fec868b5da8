use super::*;
use crate::error::Error;
use crate::precision::Precision;

#[test]
fn imports_are_replaced() {
    for variant in Kernel::all().flat_map(|kernel| kernel.variants(&[8])) {
        let source = variant.source();
        assert!(!source.contains("#import"), "{variant}");
        assert_eq!(source.contains("subgroupShuffle"), variant.subgroup > 0, "{variant}");
        assert_eq!(source.contains("unpack2x16float("), variant.precision == Precision::F16, "{variant}");
    }
}

#[test]
fn browsers_are_told_of_subgroups() {
    let variants = || Kernel::all().flat_map(|kernel| kernel.variants(&[8]));
    for variant in variants() {
        let told = variant.browser_source().starts_with("enable subgroups;\n");
        assert_eq!(told, variant.subgroup > 0, "{variant}");
        assert!(variant.browser_source().ends_with(&variant.source()), "{variant}");
    }
    assert!(variants().any(|variant| variant.subgroup > 0));
}

#[test]
fn kernels_have_names_of_their_own() {
    let names: std::collections::BTreeSet<_> = Kernel::all().map(Kernel::name).collect();
    assert_eq!(names.len(), Kernel::all().count());
    for kernel in Kernel::all() {
        assert_eq!(Kernel::named(kernel.name()), Some(kernel));
        assert_eq!(format!("{kernel} {kernel:?}"), format!("{0} {0}", kernel.name()));
    }
    assert_eq!(Kernel::named("buffer/nothing"), None);
}

#[test]
fn families_are_read() {
    assert_eq!("buffer".parse::<KernelFamily>().unwrap(), KernelFamily::Buffer);
    assert_eq!("texture".parse::<KernelFamily>().unwrap(), KernelFamily::Texture);
    assert!("cuda".parse::<KernelFamily>().unwrap_err().to_string().contains("use buffer or texture"));
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
