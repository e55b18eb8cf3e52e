//! Writes whatever serializes as canonical JSON, straight into one text.

use std::cmp::Ordering;
use std::fmt::{self, Display, Write};
use std::ops::Range;

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::CanonicalError;

/// The largest integer that every reader of JSON keeps exactly: 2^53 - 1 (RFC 8785, section 3.2.2.3).
const MAX_INTEGER: u64 = 9_007_199_254_740_991;

/// Canonical JSON while it is written. The members of an object are written as they come, and put in order where it ends.
#[derive(Default)]
pub(super) struct Writer {
    text: String,
    /// The members of the objects that are open, and their names without quotes and escapes.
    members: Vec<Member>,
    names: String,
    /// Where members are put in order.
    sorted: String,
}

/// Where a member stands in the text, with the comma behind it, and its name among the names.
struct Member {
    name: Range<usize>,
    text: Range<usize>,
}

impl Writer {
    /// What was written.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn integer(&mut self, magnitude: u64, integer: impl Display) -> Result<(), CanonicalError> {
        if magnitude > MAX_INTEGER {
            return Err(CanonicalError::OutOfRange);
        }
        write!(self.text, "{integer}").map_err(CanonicalError::custom)
    }

    fn string(&mut self, string: &str) {
        self.text.push('"');
        self.escaped(string);
        self.text.push('"');
    }

    /// Escapes exactly what RFC 8785, section 3.2.2.2 says, and nothing else.
    fn escaped(&mut self, string: &str) {
        let mut rest = string;
        while let Some(at) = rest.find(|c| matches!(c, '\0'..='\u{1f}' | '"' | '\\')) {
            let (plain, special) = rest.split_at(at);
            self.text.push_str(plain);
            let mut special = special.chars();
            special.next().into_iter().for_each(|c| self.escape(c));
            rest = special.as_str();
        }
        self.text.push_str(rest);
    }

    fn escape(&mut self, c: char) {
        let letter = match c {
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{c}' => 'f',
            '\r' => 'r',
            '"' | '\\' => c,
            _ => return self.text.push_str(&format!("\\u{:04x}", u32::from(c))),
        };
        self.text.extend(['\\', letter]);
    }

    /// Takes what was written from `start` on as the name of a member.
    fn name(&mut self, start: usize) -> Result<(), CanonicalError> {
        let written = &self.text[start..];
        let plain =
            written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(CanonicalError::Malformed)?;
        let first = self.names.len();
        if plain.contains('\\') {
            let name: String = serde_json::from_str(written).map_err(CanonicalError::custom)?;
            self.names.push_str(&name);
        } else {
            self.names.push_str(plain);
        }
        self.members.push(Member { name: first..self.names.len(), text: start..start });
        self.text.push(':');
        Ok(())
    }

    /// Ends the value of the member that was named last.
    fn end_member(&mut self) {
        self.text.push(',');
        if let Some(member) = self.members.last_mut() {
            member.text.end = self.text.len();
        }
    }

    /// Puts the members from number `first` on in order. Of two that have one name the later one counts, as in a map.
    fn sort(&mut self, first: usize) {
        let Self { text, members, names, sorted } = self;
        let members = &mut members[first..];
        let order = |one: &Member, other: &Member| by_utf16(&names[one.name.clone()], &names[other.name.clone()]);
        if members.is_sorted_by(|one, other| order(one, other) == Ordering::Less) {
            return;
        }
        let start = members.first().map_or(text.len(), |first| first.text.start);
        members.sort_by(order);
        sorted.clear();
        for (index, member) in members.iter().enumerate() {
            let again = members.get(index + 1).is_some_and(|next| order(member, next) == Ordering::Equal);
            if !again {
                sorted.push_str(&text[member.text.clone()]);
            }
        }
        text.truncate(start);
        text.push_str(sorted);
    }

    /// Ends an array or object, behind whose last part stands a comma.
    fn close(&mut self, closing: &str) {
        if self.text.ends_with(',') {
            self.text.pop();
        }
        self.text.push_str(closing);
    }

    fn array(&mut self, closing: &'static str) -> Array<'_> {
        self.text.push('[');
        Array { writer: self, closing }
    }

    fn object(&mut self, closing: &'static str) -> Object<'_> {
        self.text.push('{');
        Object { first: self.members.len(), names: self.names.len(), writer: self, closing }
    }

    /// Begins an object whose only member is a variant's content.
    fn variant(&mut self, variant: &str) {
        self.text.push('{');
        self.string(variant);
        self.text.push(':');
    }
}

/// Compares by UTF-16 code units (RFC 8785, section 3.2.3). UTF-8 orders its bytes as the characters are numbered, UTF-16
/// puts U+E000 to U+FFFF, which begin with the bytes EE and EF, behind all others.
fn by_utf16(one: &str, other: &str) -> Ordering {
    let rank = |byte: u8| if matches!(byte, 0xee | 0xef) { byte | 0x10 } else { byte };
    one.bytes().map(rank).cmp(other.bytes().map(rank))
}

impl Error for CanonicalError {
    /// Says no more than that there is no canonical form: what serializes might name personal data.
    fn custom<T: Display>(_: T) -> Self {
        Self::Malformed
    }
}

/// The part of a string that is written next.
struct Escaped<'a>(&'a mut Writer);

impl Write for Escaped<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.0.escaped(part);
        Ok(())
    }
}

macro_rules! integers {
    ($($method:ident($integer:ty): $magnitude:expr;)*) => {$(
        fn $method(self, integer: $integer) -> Result<(), CanonicalError> {
            self.integer($magnitude(integer), integer)
        }
    )*};
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = CanonicalError;
    type SerializeSeq = Array<'a>;
    type SerializeTuple = Array<'a>;
    type SerializeTupleStruct = Array<'a>;
    type SerializeTupleVariant = Array<'a>;
    type SerializeMap = Object<'a>;
    type SerializeStruct = Object<'a>;
    type SerializeStructVariant = Object<'a>;

    integers! {
        serialize_i8(i8): |integer: i8| integer.unsigned_abs().into();
        serialize_i16(i16): |integer: i16| integer.unsigned_abs().into();
        serialize_i32(i32): |integer: i32| integer.unsigned_abs().into();
        serialize_i64(i64): i64::unsigned_abs;
        serialize_u8(u8): u64::from;
        serialize_u16(u16): u64::from;
        serialize_u32(u32): u64::from;
        serialize_u64(u64): u64::from;
    }

    fn serialize_f32(self, _: f32) -> Result<(), CanonicalError> {
        Err(CanonicalError::Fraction)
    }

    fn serialize_f64(self, _: f64) -> Result<(), CanonicalError> {
        Err(CanonicalError::Fraction)
    }

    fn serialize_bool(self, truth: bool) -> Result<(), CanonicalError> {
        self.text.push_str(if truth { "true" } else { "false" });
        Ok(())
    }

    fn serialize_unit(self) -> Result<(), CanonicalError> {
        self.text.push_str("null");
        Ok(())
    }

    fn serialize_none(self) -> Result<(), CanonicalError> {
        self.serialize_unit()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), CanonicalError> {
        self.serialize_unit()
    }

    fn serialize_str(self, string: &str) -> Result<(), CanonicalError> {
        self.string(string);
        Ok(())
    }

    fn serialize_char(self, c: char) -> Result<(), CanonicalError> {
        self.string(c.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), CanonicalError> {
        self.string(variant);
        Ok(())
    }

    /// Without a text between.
    fn collect_str<T: ?Sized + Display>(self, value: &T) -> Result<(), CanonicalError> {
        self.text.push('"');
        write!(Escaped(self), "{value}").map_err(CanonicalError::custom)?;
        self.text.push('"');
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), CanonicalError> {
        self.collect_seq(bytes)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), CanonicalError> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Result<(), CanonicalError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), CanonicalError> {
        self.variant(variant);
        value.serialize(&mut *self)?;
        self.text.push('}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Array<'a>, CanonicalError> {
        Ok(self.array("]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Array<'a>, CanonicalError> {
        Ok(self.array("]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Array<'a>, CanonicalError> {
        Ok(self.array("]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Array<'a>, CanonicalError> {
        self.variant(variant);
        Ok(self.array("]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object<'a>, CanonicalError> {
        Ok(self.object("}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Object<'a>, CanonicalError> {
        Ok(self.object("}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Object<'a>, CanonicalError> {
        self.variant(variant);
        Ok(self.object("}}"))
    }
}

/// An array that is open.
pub(super) struct Array<'a> {
    writer: &'a mut Writer,
    closing: &'static str,
}

/// An object that is open, and how many members and names there were before it.
pub(super) struct Object<'a> {
    writer: &'a mut Writer,
    first: usize,
    names: usize,
    closing: &'static str,
}

impl SerializeMap for Object<'_> {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), CanonicalError> {
        let start = self.writer.text.len();
        key.serialize(&mut *self.writer)?;
        self.writer.name(start)
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), CanonicalError> {
        value.serialize(&mut *self.writer)?;
        self.writer.end_member();
        Ok(())
    }

    fn end(self) -> Result<(), CanonicalError> {
        self.writer.sort(self.first);
        self.writer.members.truncate(self.first);
        self.writer.names.truncate(self.names);
        self.writer.close(self.closing);
        Ok(())
    }
}

/// What has elements is an array.
macro_rules! arrays {
    ($($array:ident: $element:ident;)*) => {$(
        impl $array for Array<'_> {
            type Ok = ();
            type Error = CanonicalError;

            fn $element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), CanonicalError> {
                value.serialize(&mut *self.writer)?;
                self.writer.text.push(',');
                Ok(())
            }

            fn end(self) -> Result<(), CanonicalError> {
                self.writer.close(self.closing);
                Ok(())
            }
        }
    )*};
}

arrays! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

/// What has named fields is an object, like a map.
macro_rules! objects {
    ($($object:ident),*) => {$(
        impl $object for Object<'_> {
            type Ok = ();
            type Error = CanonicalError;

            fn serialize_field<T: ?Sized + Serialize>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), CanonicalError> {
                self.serialize_entry(name, value)
            }

            fn end(self) -> Result<(), CanonicalError> {
                SerializeMap::end(self)
            }
        }
    )*};
}

objects!(SerializeStruct, SerializeStructVariant);
