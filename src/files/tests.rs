use std::ffi::OsString;

use tempfile::TempDir;

use super::*;

/// An empty folder, and paths in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<OsString> {
        let mut names: Vec<_> = fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }
}

fn write(path: &Path, content: &str) -> Result<bool> {
    AtomicFile::new(path).write(|file| file.write_all(content.as_bytes()))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_file_is_created_then_replaced() {
    let folder = Folder::new();
    let path = folder.path("a");
    assert!(!write(&path, "old").unwrap());
    AtomicFile::new(&path).check().unwrap();
    assert_eq!(read(&path), "old", "asking changes nothing");
    assert!(write(&path, "new").unwrap());
    assert_eq!(read(&path), "new");
    assert_eq!(folder.names(), ["a"]);
}

#[test]
fn a_failure_or_a_panic_leaves_what_was_there() {
    let folder = Folder::new();
    let path = folder.path("a");
    write(&path, "old").unwrap();
    let fail = |file: &mut dyn Write| {
        file.write_all(&[b'x'; 100_000])?;
        Err(io::ErrorKind::StorageFull.into())
    };
    let failed = AtomicFile::new(&path).write(fail);
    assert!(matches!(failed, Err(Error::Io { action: "writing", .. })), "{failed:?}");
    let panicked = std::panic::catch_unwind(|| AtomicFile::new(&path).write(|_| panic!("on purpose")));
    assert!(panicked.is_err());
    assert_eq!((read(&path).as_str(), folder.names()), ("old", vec!["a".into()]));
}

#[test]
fn what_is_no_place_for_a_file_is_refused() {
    let folder = Folder::new();
    for (path, wanted) in [
        (folder.path(""), "name a file in it"),
        (folder.path("no/folder/a"), "does not exist: create it first"),
        (folder.path("no/.."), "not the path of a file"),
        (PathBuf::new(), "not the path of a file"),
    ] {
        for refused in [AtomicFile::new(&path).check().map(|()| true), write(&path, "x")] {
            let error = refused.unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
    assert!(folder.names().is_empty());
}

#[test]
fn no_clobber_keeps_what_exists() {
    let folder = Folder::new();
    let file = AtomicFile::new(folder.path("a")).no_clobber(true);
    file.check().unwrap();
    assert!(!file.write(|file| file.write_all(b"first")).unwrap());
    for refused in [file.check().map(|()| true), file.write(|file| file.write_all(b"second"))] {
        assert!(refused.unwrap_err().to_string().contains("exists and may not be replaced"));
    }
    // A file that another program makes meanwhile.
    let late = AtomicFile::new(folder.path("b")).no_clobber(true);
    let refused = late.write(|file| {
        fs::write(folder.path("b"), "theirs")?;
        file.write_all(b"ours")
    });
    assert!(refused.unwrap_err().to_string().contains("exists and may not be replaced"));
    assert_eq!((read(&folder.path("a")), read(&folder.path("b"))), ("first".into(), "theirs".into()));
    assert_eq!(folder.names(), ["a", "b"]);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::process::Command;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// Root may write anywhere.
    fn is_root(folder: &Folder) -> bool {
        let path = folder.path("root");
        fs::write(&path, "").unwrap();
        set_mode(&path, 0o444);
        let root = OpenOptions::new().write(true).open(&path).is_ok();
        fs::remove_file(&path).unwrap();
        root
    }

    #[test]
    fn links_stay_and_lead_to_the_file() {
        let folder = Folder::new();
        fs::create_dir(folder.path("inner")).unwrap();
        write(&folder.path("inner/file"), "old").unwrap();
        // Relative links are relative to the folder that they are in.
        symlink("file", folder.path("inner/near")).unwrap();
        symlink("inner/near", folder.path("far")).unwrap();
        assert!(write(&folder.path("far"), "new").unwrap());
        assert_eq!(read(&folder.path("inner/file")), "new");
        symlink("inner/made", folder.path("dangling")).unwrap();
        AtomicFile::new(folder.path("dangling")).check().unwrap();
        assert!(!write(&folder.path("dangling"), "made").unwrap());
        assert_eq!(read(&folder.path("inner/made")), "made");
        symlink("circle", folder.path("circle")).unwrap();
        assert!(write(&folder.path("circle"), "x").unwrap_err().to_string().contains("circle: name a file"));
        symlink("no/where", folder.path("lost")).unwrap();
        assert!(write(&folder.path("lost"), "x").unwrap_err().to_string().contains("does not exist"));
        for link in ["inner/near", "far", "dangling", "circle", "lost"] {
            assert!(folder.path(link).is_symlink(), "{link}");
        }
        assert_eq!(folder.names(), ["circle", "dangling", "far", "inner", "lost"]);
    }

    #[test]
    fn permissions_are_kept_and_new_files_follow_the_umask() {
        let folder = Folder::new();
        let (plain, path) = (folder.path("plain"), folder.path("a"));
        fs::write(&plain, "").unwrap();
        write(&path, "new").unwrap();
        assert_eq!(mode(&path), mode(&plain));
        // 0666 is more than a umask usually allows, 0600 less.
        for kept in [0o600, 0o640, 0o666, 0o755] {
            set_mode(&path, kept);
            write(&path, "replaced").unwrap();
            assert_eq!(mode(&path), kept);
        }
    }

    #[test]
    fn read_only_files_and_folders_are_left_alone() {
        let folder = Folder::new();
        if is_root(&folder) {
            return;
        }
        let path = folder.path("a");
        fs::write(&path, "precious").unwrap();
        set_mode(&path, 0o444);
        let error = write(&path, "x").unwrap_err();
        assert!(matches!(error, Error::Io { action: "opening it for writing", .. }), "{error}");
        set_mode(&path, 0o644);
        set_mode(folder.0.path(), 0o555);
        for refused in [AtomicFile::new(&path).check().map(|()| true), write(&path, "x"), write(&folder.path("b"), "x")]
        {
            let error = refused.unwrap_err();
            assert!(error.to_string().contains("creating a temporary file in its folder failed"), "{error}");
        }
        set_mode(folder.0.path(), 0o755);
        assert_eq!((read(&path).as_str(), folder.names()), ("precious", vec!["a".into()]));
    }

    #[test]
    fn devices_and_pipes_are_written_to_as_they_are() {
        let null = AtomicFile::new("/dev/null").no_clobber(true);
        null.check().unwrap();
        assert!(!null.write(|file| file.write_all(b"x")).unwrap());
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        let folder = Folder::new();
        let pipe = folder.path("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        AtomicFile::new(&pipe).check().unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || read(&pipe)
        });
        assert!(!write(&pipe, "through").unwrap());
        assert_eq!(reader.join().unwrap(), "through");
        assert_eq!(folder.names(), ["pipe"]);
    }
}
