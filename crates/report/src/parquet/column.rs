//! One column of the rows that make the next group.

use bytes::Bytes;
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::schema::types::Type;
use trace::rows::{Kind, Value};

/// What a column of this kind is in the file's schema.
pub(super) fn declared(name: &str, kind: Kind, optional: bool) -> Result<Type, ParquetError> {
    let whole = |bit_width| LogicalType::integer(bit_width, false);
    let (physical, logical) = match kind {
        Kind::Text | Kind::Id => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::U16 => (Physical::INT32, Some(whole(16))),
        Kind::U32 => (Physical::INT32, Some(whole(32))),
        Kind::U64 => (Physical::INT64, Some(whole(64))),
        Kind::Number => (Physical::DOUBLE, None),
        Kind::Flag => (Physical::BOOLEAN, None),
    };
    let repetition = if optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    Type::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical)
        .build()
}

/// The values of a column that are there, and which are.
#[derive(Debug)]
pub(super) struct Column {
    /// For each row 1 where there is a value, else 0; nothing where there always is one.
    levels: Option<Vec<i16>>,
    values: Values,
}

#[derive(Debug)]
enum Values {
    /// The texts one after another, and where each ends.
    Text(Vec<u8>, Vec<usize>),
    /// Whole numbers of 32 bits at the most. Parquet has the bits of unsigned numbers in signed ones.
    Small(Vec<i32>),
    Large(Vec<i64>),
    Number(Vec<f64>),
    Flag(Vec<bool>),
}

impl Column {
    pub(super) fn new(kind: Kind, optional: bool) -> Self {
        let values = match kind {
            Kind::Text | Kind::Id => Values::Text(Vec::new(), Vec::new()),
            Kind::U16 | Kind::U32 => Values::Small(Vec::new()),
            Kind::U64 => Values::Large(Vec::new()),
            Kind::Number => Values::Number(Vec::new()),
            Kind::Flag => Values::Flag(Vec::new()),
        };
        Self { levels: optional.then(Vec::new), values }
    }

    /// Adds a row's value, which is of the column's kind, and there if the column is not optional.
    pub(super) fn push(&mut self, value: Option<Value<'_>>) {
        if let Some(levels) = &mut self.levels {
            levels.push(i16::from(value.is_some()));
        }
        match (&mut self.values, value) {
            (Values::Text(texts, ends), Some(Value::Text(text))) => {
                texts.extend_from_slice(text.as_bytes());
                ends.push(texts.len());
            }
            (Values::Small(numbers), Some(Value::Whole(number))) => {
                numbers.push(u32::try_from(number).unwrap_or(u32::MAX).cast_signed());
            }
            (Values::Large(numbers), Some(Value::Whole(number))) => numbers.push(number.cast_signed()),
            (Values::Number(numbers), Some(Value::Number(number))) => numbers.push(number),
            (Values::Flag(flags), Some(Value::Flag(flag))) => flags.push(flag),
            (_, None) => {}
            (values, Some(value)) => {
                unreachable!("{value:?} in {values:?}: `Field` has a kind for each value")
            }
        }
    }

    /// Writes all values, and begins anew.
    pub(super) fn write(&mut self, to: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = self.levels.as_deref();
        match (&mut self.values, to) {
            (Values::Text(texts, ends), ColumnWriter::ByteArrayColumnWriter(to)) => {
                let texts = Bytes::from(std::mem::take(texts));
                let mut from = 0;
                let texts = ends
                    .drain(..)
                    .map(|end| ByteArray::from(texts.slice(std::mem::replace(&mut from, end)..end)));
                to.write_batch(&texts.collect::<Vec<_>>(), levels, None)?;
            }
            (Values::Small(numbers), ColumnWriter::Int32ColumnWriter(to)) => {
                to.write_batch(numbers, levels, None)?;
                numbers.clear();
            }
            (Values::Large(numbers), ColumnWriter::Int64ColumnWriter(to)) => {
                to.write_batch(numbers, levels, None)?;
                numbers.clear();
            }
            (Values::Number(numbers), ColumnWriter::DoubleColumnWriter(to)) => {
                to.write_batch(numbers, levels, None)?;
                numbers.clear();
            }
            (Values::Flag(flags), ColumnWriter::BoolColumnWriter(to)) => {
                to.write_batch(flags, levels, None)?;
                flags.clear();
            }
            _ => return Err(ParquetError::General("a column is not of its declared type".to_owned())),
        }
        if let Some(levels) = &mut self.levels {
            levels.clear();
        }
        Ok(())
    }
}
