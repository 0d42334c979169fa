//! The calls and hops of a run as [Parquet](https://parquet.apache.org/docs/file-format/), for those who query
//! them: the columns of the CSV files under the same names, with types, missing where the field is empty.
//!
//! Rows are read from the run's folder and written in groups; no more than one group is in memory.

mod column;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};
use trace::rows::{CallRow, HopRow, Kind, Row};
use trace::{RunDir, RunDirError};

use column::Column;

/// How many rows make a group: enough that readers gain from a group's statistics and dictionaries, few enough
/// that the widest rows take some tens of megabytes.
const GROUP: usize = 64 * 1024;

/// Writes `calls.parquet` and `hops.parquet` beside the CSV files that they are made of; where they are.
///
/// # Errors
/// If a CSV file cannot be read, or one of the two cannot be written; an older one is then still whole.
pub fn write(dir: &RunDir) -> Result<[PathBuf; 2], RunDirError> {
    Ok([file::<CallRow>(dir)?, file::<HopRow>(dir)?])
}

fn file<R: Row>(dir: &RunDir) -> Result<PathBuf, RunDirError> {
    let path = dir.parquet::<R>();
    let beside = path.with_extension("parquet.new");
    let failed = |error: ParquetError| {
        let source = match error {
            ParquetError::External(source) => io::Error::other(source),
            other => io::Error::other(other),
        };
        RunDirError::Io { doing: "write", path: path.clone(), source }
    };
    let file = File::create(&beside).map_err(|error| failed(error.into()))?;
    let mut writer =
        SerializedFileWriter::new(file, schema::<R>().map_err(failed)?, properties::<R>()).map_err(failed)?;
    let mut columns: Vec<Column> =
        R::TYPES.iter().map(|&(kind, optional)| Column::new(kind, optional)).collect();
    let mut rows = 0;
    for row in dir.rows::<R>()? {
        let mut next = columns.iter_mut();
        row?.each(|value| {
            if let Some(column) = next.next() {
                column.push(value);
            }
        });
        rows += 1;
        if rows == GROUP {
            group(&mut writer, &mut columns).map_err(failed)?;
            rows = 0;
        }
    }
    if rows > 0 {
        group(&mut writer, &mut columns).map_err(failed)?;
    }
    writer.close().map_err(failed)?;
    std::fs::rename(&beside, &path).map_err(|error| failed(error.into()))?;
    Ok(path)
}

/// Writes the rows so far as a group.
fn group(writer: &mut SerializedFileWriter<File>, columns: &mut [Column]) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for column in columns {
        let Some(mut to) = group.next_column()? else { break };
        column.write(to.untyped())?;
        to.close()?;
    }
    group.close().map(drop)
}

fn schema<R: Row>() -> Result<Arc<Type>, ParquetError> {
    let columns = R::COLUMNS.iter().zip(R::TYPES);
    let fields =
        columns.map(|(name, &(kind, optional))| column::declared(name, kind, optional).map(Arc::new));
    let fields = fields.collect::<Result<_, _>>()?;
    Type::group_type_builder("row").with_fields(fields).build().map(Arc::new)
}

fn properties<R: Row>() -> Arc<WriterProperties> {
    let all = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("badgateway ", env!("CARGO_PKG_VERSION")).to_owned());
    let columns = R::COLUMNS.iter().zip(R::TYPES);
    let properties = columns.fold(all, |all, (&name, &(kind, _))| match kind {
        // They hardly ever come again: a dictionary would hold them all.
        Kind::Id | Kind::U64 | Kind::Number => {
            all.set_column_dictionary_enabled(ColumnPath::from(name), false)
        }
        Kind::Text | Kind::U16 | Kind::U32 | Kind::Flag => all,
    });
    Arc::new(properties.build())
}
