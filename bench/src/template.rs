//! Requests of which many are sent that differ in a few digits: made once, the digits written over before each sending.

/// A request with places for numbers of a fixed width.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    /// In the order of the request.
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    at: usize,
    width: usize,
}

/// A run of this is a place.
const MARK: u8 = b'~';

impl Template {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let mut places: Vec<Place> = Vec::new();
        for at in (0..bytes.len()).filter(|at| bytes[*at] == MARK) {
            match places.last_mut() {
                Some(last) if last.at + last.width == at => last.width += 1,
                _ => places.push(Place { at, width: 1 }),
            }
        }
        Self { bytes, places }
    }

    /// The request with `numbers` in its places, the last digits of each.
    pub(crate) fn filled(&mut self, numbers: &[usize]) -> &[u8] {
        for (place, number) in self.places.iter().zip(numbers) {
            let mut number = *number;
            for byte in self.bytes[place.at..place.at + place.width].iter_mut().rev() {
                *byte = b'0' + u8::try_from(number % 10).unwrap_or_default();
                number /= 10;
            }
        }
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_to_their_places() {
        let mut template = Template::new(b"a~~b~~~".to_vec());
        assert_eq!(template.filled(&[7, 1234]), b"a07b234");
        assert_eq!(template.filled(&[89, 5]), b"a89b005");
    }
}
