//! Tests on paths of the controller.

use crate::template::arguments::Arguments;
use crate::template::python;
use minijinja::Error;
use minijinja::value::Value;
use std::path::PathBuf;

type Result<T = bool> = std::result::Result<T, Error>;

fn path(value: &Value) -> Result<PathBuf> {
    python::text(value).map(PathBuf::from)
}

pub(super) fn abs(value: &Value, _: &Arguments) -> Result {
    Ok(path(value)?.is_absolute())
}

pub(super) fn directory(value: &Value, _: &Arguments) -> Result {
    Ok(path(value)?.is_dir())
}

pub(super) fn file(value: &Value, _: &Arguments) -> Result {
    Ok(path(value)?.is_file())
}

pub(super) fn exists(value: &Value, _: &Arguments) -> Result {
    Ok(path(value)?.exists())
}

pub(super) fn link(value: &Value, _: &Arguments) -> Result {
    Ok(path(value)?.is_symlink())
}

/// Also true of a link that leads nowhere.
pub(super) fn link_exists(value: &Value, _: &Arguments) -> Result {
    Ok(path(value)?.symlink_metadata().is_ok())
}
