//! The published files that have names of their own here, with the checksums that their publishers state.

use super::sum::Sum;

/// A file that somebody publishes.
#[derive(Debug)]
pub(crate) struct Published {
    /// Such as `torchvision:densenet121`.
    pub(crate) name: &'static str,
    pub(crate) address: &'static str,
    /// As published, rounded; none where it is not stated.
    pub(crate) megabytes: Option<u32>,
    pub(crate) sum: Sum,
}

impl Published {
    /// The file's own name: the end of its address.
    pub(crate) fn file(&self) -> &'static str {
        self.address.rsplit('/').next().unwrap_or(self.address)
    }

    /// The folder of the cache that it is kept in: what stands before the colon of its name.
    pub(crate) fn folder(&self) -> &'static str {
        self.name.split(':').next().unwrap_or(self.name)
    }
}

/// A file of torchvision's. Its name ends in the first eight digits of its sha256.
macro_rules! torchvision {
    ($network:literal, $megabytes:literal, $sum:literal) => {
        Published {
            name: concat!("torchvision:", $network),
            address: concat!("https://download.pytorch.org/models/", $network, "-", $sum, ".pth"),
            megabytes: Some($megabytes),
            sum: Sum::Sha256Beginning($sum),
        }
    };
}

/// A file of keras.applications', whose source code has the md5.
macro_rules! keras {
    ($network:literal, $name_end:literal, $file_end:literal, $megabytes:expr, $sum:literal) => {
        Published {
            name: concat!("keras:", $network, $name_end),
            address: concat!(
                "https://storage.googleapis.com/tensorflow/keras-applications/densenet/",
                $network,
                "_weights_tf_dim_ordering_tf_kernels",
                $file_end,
                ".h5"
            ),
            megabytes: $megabytes,
            sum: Sum::Md5($sum),
        }
    };
}

pub(crate) static PUBLISHED: [Published; 10] = [
    torchvision!("densenet121", 32, "a639ec97"),
    torchvision!("densenet161", 116, "8d451a50"),
    torchvision!("densenet169", 57, "b2777c0a"),
    torchvision!("densenet201", 81, "c1103571"),
    keras!("densenet121", "", "", Some(33), "9d60b8095a5708f2dcce2bca79d332c7"),
    keras!("densenet169", "", "", Some(57), "d699b8f76981ab1b30698df4c175e90b"),
    keras!("densenet201", "", "", Some(80), "1ceb130c1ea1b78c3bf6114dbdfd8807"),
    keras!("densenet121", "-notop", "_notop", None, "30ee3e1110167f948a6b9946edeeb738"),
    keras!("densenet169", "-notop", "_notop", None, "b8c4d4c20dd625c148057b9ff1c1176b"),
    keras!("densenet201", "-notop", "_notop", None, "c13680b51ded0fb44dff2d8f86ac8bb1"),
];

/// Repositories of the Hugging Face Hub to list and to suggest. Any other can be named too.
pub(crate) static REPOSITORIES: [&str; 5] = [
    "hf:timm/densenet121.ra_in1k",
    "hf:timm/densenet121.tv_in1k",
    "hf:timm/densenet161.tv_in1k",
    "hf:timm/densenet169.tv_in1k",
    "hf:timm/densenet201.tv_in1k",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torchvision_s_names_hold_their_sums() {
        for published in PUBLISHED.iter().filter(|published| published.folder() == "torchvision") {
            let Sum::Sha256Beginning(digits) = published.sum else { panic!("{}", published.name) };
            assert!(digits.len() == 8 && published.file().ends_with(&format!("-{digits}.pth")), "{}", published.name);
        }
    }

    #[test]
    fn every_file_comes_over_tls_and_has_a_place_of_its_own() {
        let mut places: Vec<(&str, &str)> = PUBLISHED.iter().map(|file| (file.folder(), file.file())).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), PUBLISHED.len());
        for published in &PUBLISHED {
            assert!(published.address.starts_with("https://"), "{}", published.address);
            if let Sum::Md5(digits) = published.sum {
                assert!(digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digits}");
            }
        }
    }
}
