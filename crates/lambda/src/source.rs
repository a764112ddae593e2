//! Where the package of a request comes from: the request itself, or an object in a bucket. Gives it to the store
//! of packages; knows no function and no layer.

use api::lambda::{FunctionCode, LayerVersionContentInput, UpdateFunctionCodeInput};
use bytes::{Bytes, BytesMut};
use ports::ObjectError;
use wire::Failure;

use crate::code::CodeError;
use crate::function::Code;
use crate::{Lambda, error};

/// AWS's bound on a request that carries a package: 50 MB in base64 and some room.
const REQUEST_BYTES_MAX: usize = 70_167_211;

/// What a request says of its package.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) zip: Option<Bytes>,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) version: Option<String>,
    /// A container image, for the refusal.
    pub(crate) image: Option<String>,
}

impl From<FunctionCode> for Source {
    fn from(code: FunctionCode) -> Self {
        Self {
            zip: code.zip_file,
            bucket: code.s3_bucket,
            key: code.s3_key,
            version: code.s3_object_version,
            image: code.image_uri,
        }
    }
}

impl From<LayerVersionContentInput> for Source {
    fn from(content: LayerVersionContentInput) -> Self {
        Self {
            zip: content.zip_file,
            bucket: content.s3_bucket,
            key: content.s3_key,
            version: content.s3_object_version,
            image: None,
        }
    }
}

impl From<&UpdateFunctionCodeInput> for Source {
    fn from(input: &UpdateFunctionCodeInput) -> Self {
        Self {
            zip: input.zip_file.clone(),
            bucket: input.s3_bucket.clone(),
            key: input.s3_key.clone(),
            version: input.s3_object_version.clone(),
            image: input.image_uri.clone(),
        }
    }
}

impl Lambda {
    /// The package of a function, which may also be a folder that is served as it is.
    pub(crate) async fn take_function_package(
        &self,
        operation: &str,
        source: Source,
    ) -> Result<Code, Failure> {
        match self.folder_of(source.bucket.as_deref(), source.key.as_deref())? {
            Some(folder) => Ok(Code::of_folder(&folder)),
            None => self.take_package(operation, source).await,
        }
    }

    /// Checks and keeps the package of a request. The caller owns one reference to it.
    pub(crate) async fn take_package(&self, operation: &str, source: Source) -> Result<Code, Failure> {
        let Source { zip, bucket, key, version, image } = source;
        let elsewhere = bucket.is_some() || key.is_some() || version.is_some() || image.is_some();
        let zip = match (zip, bucket, key) {
            (Some(_), ..) if elsewhere => {
                return Err(error::invalid(
                    "Please do not provide other FunctionCode parameters when providing a ZipFile.",
                ));
            }
            (Some(zip), ..) => self.check_zip(operation, zip)?,
            (None, Some(bucket), Some(key)) => self.fetch(&bucket, &key, version.as_deref()).await?,
            _ => return Err(error::invalid("Please provide a source for function code.")),
        };
        if zip.is_empty() {
            return Err(error::invalid("Uploaded file must be a non-empty zip"));
        }
        self.codes.put(&zip).await.map_err(|error| match error {
            CodeError::Package(error) => error::package(error),
            CodeError::Store(error) => error::store(&error),
            CodeError::Missing(_) | CodeError::Interrupted => error::internal("keep a package", &error),
        })
    }

    fn check_zip(&self, operation: &str, zip: Bytes) -> Result<Bytes, Failure> {
        if zip.len().div_ceil(3) * 4 > REQUEST_BYTES_MAX {
            return Err(error::request_too_large(REQUEST_BYTES_MAX, operation));
        }
        let max = self.config.limits.zip_bytes_max;
        if zip.len() > max { Err(error::zip_too_large(max)) } else { Ok(zip) }
    }

    /// The whole object: AWS bounds it only by what it unzips to, which is never less than it is itself but for a
    /// few bytes.
    async fn fetch(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Bytes, Failure> {
        let Some(objects) = &self.config.objects else {
            return Err(error::object(&ObjectError::NoSuchBucket));
        };
        let mut reader = objects.open(bucket, key).await.map_err(|error| error::object(&error))?;
        if version.is_some_and(|version| version != "null") {
            return Err(error::no_such_object_version());
        }
        let max = self.config.limits.unzipped_bytes_max;
        let mut zip = BytesMut::new();
        while let Some(piece) = reader.read().await.map_err(|error| error::object(&error))? {
            zip.extend_from_slice(&piece);
            if zip.len() as u64 > max {
                return Err(error::package(crate::package::PackageError::TooLarge { max }));
            }
        }
        Ok(zip.freeze())
    }
}
