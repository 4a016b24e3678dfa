//! A QR code as a PNG, for the phone that becomes a second factor.
//!
//! One text in, one image out: black on white, eight pixels a module, no compression tricks.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use qrcode::{Color, EcLevel, QrCode};

const PIXELS_PER_MODULE: usize = 8;
/// What the standard asks for around the code, in modules.
const QUIET_ZONE: usize = 4;

/// The image; `None` where the text is too long for any QR code.
pub(crate) fn png(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let modules = code.width();
    let side = (modules + 2 * QUIET_ZONE) * PIXELS_PER_MODULE;
    let is_dark = |x: usize, y: usize| {
        let module = |at: usize| (at / PIXELS_PER_MODULE).checked_sub(QUIET_ZONE).filter(|at| *at < modules);
        match (module(x), module(y)) {
            (Some(x), Some(y)) => code[(x, y)] == Color::Dark,
            _ => false,
        }
    };
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::best());
    for y in 0..side {
        // One bit a pixel, white is one; each row begins with its filter, which is none.
        let mut row = vec![0];
        for first in (0..side).step_by(8) {
            let bits = (0..8).fold(0, |bits, at| (bits << 1) | u8::from(!is_dark(first + at, y)));
            row.push(bits);
        }
        rows.write_all(&row).ok()?;
    }
    let side = u32::try_from(side).ok()?.to_be_bytes();
    let header = [&side[..], &side[..], &[1, 0, 0, 0, 0]].concat();
    let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut image, b"IHDR", &header);
    chunk(&mut image, b"IDAT", &rows.finish().ok()?);
    chunk(&mut image, b"IEND", &[]);
    Some(image)
}

fn chunk(image: &mut Vec<u8>, kind: &[u8], content: &[u8]) {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    image.extend(length.to_be_bytes());
    let body = [kind, content].concat();
    image.extend(&body);
    image.extend(crc32fast::hash(&body).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_square_and_whole() {
        let image = png("otpauth://totp/d@123456789012?secret=ABC").unwrap();
        assert!(image.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"));
        assert_eq!(image[16..20], image[20..24], "as wide as high");
        assert!(image.ends_with(b"\0\0\0\0IEND\xaeB`\x82"));
        assert_eq!(png(&"x".repeat(5_000)), None);
    }
}
