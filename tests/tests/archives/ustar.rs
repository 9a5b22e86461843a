//! Archives by hand, byte by byte, for what no writer of archives would write (`ustar`, POSIX.1-1988; PAX, POSIX.1-2001).

use surefoot_tests::notes::Packed;

/// Where the fields of a header lie, and how long they are.
const NAME: (usize, usize) = (0, 100);
const MODE: (usize, usize) = (100, 8);
const SIZE: (usize, usize) = (124, 12);
const CHECKSUM: (usize, usize) = (148, 8);
const KIND: usize = 156;
const LINK: (usize, usize) = (157, 100);
const MAGIC: (usize, usize) = (257, 8);

/// One member: its header, and what follows up to the next.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) header: Header,
    pub(crate) content: Vec<u8>,
}

/// The 512 bytes before a member's content.
#[derive(Clone)]
pub(crate) struct Header([u8; 512]);

/// An archive that can be spoilt before it is written.
#[derive(Clone)]
pub(crate) struct Archive(pub(crate) Vec<Member>);

impl Header {
    fn new(name: &[u8], kind: u8, size: usize) -> Self {
        let header = Self([0; 512]);
        header.field(NAME, name).field(MAGIC, b"ustar\x0000").mode(0o644).size(size).kind(kind)
    }

    /// Another content of one field; the checksum is right again.
    fn field(mut self, (start, length): (usize, usize), content: &[u8]) -> Self {
        self.0[start..start + length].fill(0);
        self.0[start..start + content.len()].copy_from_slice(content);
        self.seal()
    }

    fn seal(mut self) -> Self {
        let (start, length) = CHECKSUM;
        self.0[start..start + length].fill(b' ');
        let sum: u32 = self.0.iter().map(|byte| u32::from(*byte)).sum();
        self.0[start..start + 8].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self
    }

    pub(crate) fn name(self, name: &[u8]) -> Self {
        self.field(NAME, name)
    }

    pub(crate) fn mode(self, mode: u32) -> Self {
        self.field(MODE, format!("{mode:07o}").as_bytes())
    }

    pub(crate) fn size(self, size: usize) -> Self {
        self.field(SIZE, format!("{size:011o}").as_bytes())
    }

    /// A size in the binary form that GNU tar has for large files.
    pub(crate) fn huge(self, size: [u8; 12]) -> Self {
        self.field(SIZE, &size)
    }

    pub(crate) fn kind(mut self, kind: u8) -> Self {
        self.0[KIND] = kind;
        self.seal()
    }

    pub(crate) fn link(self, target: &str) -> Self {
        self.field(LINK, target.as_bytes())
    }

    pub(crate) fn magic(self, magic: &[u8; 8]) -> Self {
        self.field(MAGIC, magic)
    }

    /// A checksum that does not fit.
    pub(crate) fn miscounted(mut self) -> Self {
        self.0[CHECKSUM.0] ^= 1;
        self
    }

    pub(crate) fn bits(&self) -> &[u8] {
        &self.0[MODE.0..MODE.0 + 7]
    }

    /// The name as it stands there.
    pub(crate) fn named(&self) -> String {
        let name = self.0[..NAME.1].split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    }

    fn length(&self) -> usize {
        let digits = std::str::from_utf8(&self.0[SIZE.0..SIZE.0 + 11]).unwrap();
        usize::from_str_radix(digits, 8).unwrap()
    }
}

impl Member {
    pub(crate) fn file(name: &str, content: &[u8]) -> Self {
        Self::raw(name.as_bytes(), b'0', content)
    }

    /// A member of any kind, which a link has its target in.
    pub(crate) fn special(name: &str, kind: u8, target: &str) -> Self {
        let header = Header::new(name.as_bytes(), kind, 0).link(target);
        Self { header, content: Vec::new() }
    }

    pub(crate) fn raw(name: &[u8], kind: u8, content: &[u8]) -> Self {
        Self { header: Header::new(name, kind, content.len()), content: content.to_vec() }
    }

    /// Records for the next member (`x`), or for all that follow (`g`).
    pub(crate) fn pax(kind: u8, records: &[(&str, &str)]) -> Self {
        let content: String = records.iter().map(|(key, value)| record(key, value)).collect();
        Self::raw(b"PaxHeaders/evil", kind, content.as_bytes())
    }

    /// GNU tar's way to name the next member.
    pub(crate) fn long_name(name: &str) -> Self {
        Self::raw(b"././@LongLink", b'L', format!("{name}\0").as_bytes())
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.header.0.to_vec();
        bytes.extend_from_slice(&self.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let digits = (1_usize..).find(|digits| (digits + rest.len()).to_string().len() == *digits).unwrap();
    format!("{}{rest}", digits + rest.len())
}

impl Archive {
    /// What somebody packed as it should be.
    pub(crate) fn read(mut tar: &[u8]) -> Self {
        let mut members = Vec::new();
        while tar[0] != 0 {
            let header = Header(tar[..512].try_into().unwrap());
            let length = header.length();
            members.push(Member { content: tar[512..512 + length].to_vec(), header });
            tar = &tar[512 + length.next_multiple_of(512)..];
        }
        Self(members)
    }

    pub(crate) fn last(&mut self) -> &mut Member {
        self.0.last_mut().unwrap()
    }

    /// Puts members before the last one.
    pub(crate) fn insert(mut self, members: impl IntoIterator<Item = Member>) -> Self {
        let last = self.0.len() - 1;
        self.0.splice(last..last, members);
        self
    }

    /// Changes the header of the last one.
    pub(crate) fn with_last(mut self, change: impl FnOnce(Header) -> Header) -> Self {
        let last = self.last();
        last.header = change(last.header.clone());
        self
    }

    /// Without the blocks that end it.
    pub(crate) fn members(&self) -> Vec<u8> {
        self.0.iter().flat_map(Member::bytes).collect()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.members(), vec![0; 1024]].concat()
    }

    pub(crate) fn packed(&self) -> Packed {
        zst(&self.bytes())
    }
}

pub(crate) fn zst(tar: &[u8]) -> Packed {
    Packed::Zst(zstd::encode_all(tar, 1).unwrap())
}

pub(crate) fn gz(tar: &[u8]) -> Packed {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, tar).unwrap();
    Packed::Gz(encoder.finish().unwrap())
}
