//! The bounds that an untrusted bundle must keep before anything in it is looked at. Plain numbers; the modules that
//! read archives, folders and manifests enforce them.

/// Bounds on an untrusted bundle. The defaults suit policies up to 100,000 rules; a host may tighten or widen them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest archive as received, in bytes.
    pub archive_bytes: u64,
    /// Largest sum after decompression: the whole tar, or all files of a folder, in bytes.
    pub unpacked_bytes: u64,
    /// Largest single file, in bytes.
    pub file_bytes: u64,
    /// Most files.
    pub entries: usize,
    /// Most decompressed bytes per compressed byte, counted once more than [`Limits::RATIO_FLOOR`] came out.
    pub ratio: u64,
    /// Largest signed manifest and largest `.signatures.json`, in bytes.
    pub manifest_bytes: u64,
}

impl Limits {
    /// Below this many decompressed bytes the ratio is not counted: small archives of zeros are harmless.
    pub const RATIO_FLOOR: u64 = 1 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive_bytes: 64 << 20,
            unpacked_bytes: 256 << 20,
            file_bytes: 128 << 20,
            entries: 4096,
            ratio: 200,
            manifest_bytes: 4 << 20,
        }
    }
}
