//! Writes tar archives byte by byte, right ones and wrong ones.

/// An archive that is being written.
#[derive(Default)]
pub(in crate::docker_archive) struct Tar(Vec<u8>);

impl Tar {
    pub(in crate::docker_archive) fn new() -> Self {
        Self::default()
    }

    /// Adds the end mark.
    pub(in crate::docker_archive) fn finish(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }

    pub(in crate::docker_archive) fn unfinished(self) -> Vec<u8> {
        self.0
    }

    fn entry(mut self, name: &str, kind: u8, link: &str, size: &[u8], body: &[u8]) -> Self {
        self.header(name, "", kind, link, size);
        self.0.extend(body);
        let padding = body.len().next_multiple_of(512) - body.len();
        self.0.extend(vec![0; padding]);
        self
    }

    fn header(&mut self, name: &str, prefix: &str, kind: u8, link: &str, size: &[u8]) {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, name.as_bytes());
        put(100, b"0000644\0");
        put(124, size);
        put(156, &[kind]);
        put(157, link.as_bytes());
        put(257, b"ustar\x0000");
        put(345, prefix.as_bytes());
        put(148, b"        ");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend(header);
    }

    pub(in crate::docker_archive) fn file(self, name: &str, body: &[u8]) -> Self {
        self.entry(name, b'0', "", &octal(body.len() as u64), body)
    }

    /// A file whose header states another size than it has.
    pub(in crate::docker_archive) fn file_of_size(
        self,
        name: &str,
        size: u64,
        body: &[u8],
    ) -> Self {
        self.entry(name, b'0', "", &octal(size), body)
    }

    /// A file with a binary number, as for those over 8 GiB.
    pub(in crate::docker_archive) fn binary_size_file(self, name: &str, body: &[u8]) -> Self {
        let mut size = [0; 12];
        size[0] = 0x80;
        size[4..].copy_from_slice(&(body.len() as u64).to_be_bytes());
        self.entry(name, b'0', "", &size, body)
    }

    /// A file whose name is divided as POSIX has it.
    pub(in crate::docker_archive) fn prefixed_file(mut self, name: &str, body: &[u8]) -> Self {
        let (prefix, name) = name.rsplit_once('/').unwrap();
        self.header(name, prefix, b'0', "", &octal(body.len() as u64));
        self.0.extend(body);
        self.0
            .extend(vec![0; body.len().next_multiple_of(512) - body.len()]);
        self
    }

    pub(in crate::docker_archive) fn directory(self, name: &str) -> Self {
        self.entry(name, b'5', "", &octal(0), b"")
    }

    pub(in crate::docker_archive) fn symlink(self, name: &str, to: &str) -> Self {
        self.entry(name, b'2', to, &octal(0), b"")
    }

    pub(in crate::docker_archive) fn hard_link(self, name: &str, to: &str) -> Self {
        self.entry(name, b'1', to, &octal(0), b"")
    }

    pub(in crate::docker_archive) fn gnu_long_name(self, name: &str) -> Self {
        let body = [name.as_bytes(), b"\0"].concat();
        self.entry("././@LongLink", b'L', "", &octal(body.len() as u64), &body)
    }

    pub(in crate::docker_archive) fn pax(self, records: &[(&str, &str)]) -> Self {
        self.raw_pax(&pax_records(records))
    }

    pub(in crate::docker_archive) fn raw_pax(self, body: &[u8]) -> Self {
        self.entry("PaxHeaders/x", b'x', "", &octal(body.len() as u64), body)
    }

    pub(in crate::docker_archive) fn pax_global(self, records: &[(&str, &str)]) -> Self {
        let body = pax_records(records);
        self.entry(
            "pax_global_header",
            b'g',
            "",
            &octal(body.len() as u64),
            &body,
        )
    }
}

/// Eleven digits hold 8 GiB; what is larger is written in binary, as GNU tar does.
fn octal(size: u64) -> [u8; 12] {
    let mut field = [0; 12];
    match size < 1 << 33 {
        true => field[..11].copy_from_slice(format!("{size:011o}").as_bytes()),
        false => {
            field[0] = 0x80;
            field[4..].copy_from_slice(&size.to_be_bytes());
        }
    }
    field
}

fn pax_records(records: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let digits = (1..=7).find(|digits| (rest.len() + digits).to_string().len() == *digits);
        body.push_str(&format!("{}{rest}", rest.len() + digits.unwrap()));
    }
    body.into_bytes()
}
