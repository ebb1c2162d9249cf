//! What a column can hold.

use std::fmt;

/// The type of a column. The discriminant is the type's code in a frame: it is persisted, never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Type {
    /// True or false, one bit each.
    Boolean = 1,
    /// Signed 64-bit integer.
    Int64 = 2,
    /// IEEE 754 double.
    Float64 = 3,
    /// UTF-8 text.
    Utf8 = 4,
    /// Bytes.
    Binary = 5,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    Timestamp = 6,
}

impl Type {
    /// All types, in the order of their codes.
    pub const ALL: [Type; 6] = [Type::Boolean, Type::Int64, Type::Float64, Type::Utf8, Type::Binary, Type::Timestamp];

    /// The name that schemas, errors and `cast` use.
    pub const fn name(self) -> &'static str {
        match self {
            Type::Boolean => "boolean",
            Type::Int64 => "int64",
            Type::Float64 => "float64",
            Type::Utf8 => "utf8",
            Type::Binary => "binary",
            Type::Timestamp => "timestamp",
        }
    }

    /// The type with that name, if there is one. Names are lower case.
    pub fn from_name(name: &str) -> Option<Type> {
        Type::ALL.into_iter().find(|ty| ty.name() == name)
    }

    /// The type with that frame code, if there is one.
    pub fn from_code(code: u8) -> Option<Type> {
        Type::ALL.into_iter().find(|ty| *ty as u8 == code)
    }

    /// Whether arithmetic applies.
    pub const fn is_numeric(self) -> bool {
        matches!(self, Type::Int64 | Type::Float64)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A named, typed column. Every column may hold nulls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The column's name, unique in its schema.
    pub name: String,
    /// The column's type.
    pub ty: Type,
}

impl Field {
    /// A field of that name and type.
    pub fn new(name: impl Into<String>, ty: Type) -> Field {
        Field { name: name.into(), ty }
    }
}

/// The columns of a stream besides `time`, which every record has and no schema lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Schema {
    /// The columns in order.
    pub fields: Vec<Field>,
}

impl Schema {
    /// A schema of these fields.
    pub fn new(fields: Vec<Field>) -> Schema {
        Schema { fields }
    }

    /// The index and type of the column with that name.
    pub fn find(&self, name: &str) -> Option<(usize, Type)> {
        let index = self.fields.iter().position(|field| field.name == name)?;
        Some((index, self.fields[index].ty))
    }
}
