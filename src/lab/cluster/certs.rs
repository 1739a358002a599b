//! The certificate authority of a lab cluster, its server certificates, and the administrator's client certificate.
//!
//! The authority's key and the administrator's key are kept in a folder beside the state file, for its owner only, so
//! that a kubeconfig that was read in one run is right in the next. Server certificates are made anew at each start.

use super::persist;
use super::status::ADMINISTRATOR;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fs;
use std::io;
use std::path::Path;

/// The keys of a cluster. It has no `Debug`, since it holds secrets.
pub(super) struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
    /// The administrator's certificate and key, as PEM.
    admin: (String, String),
}

impl Authority {
    /// Reads the keys from `folder`, or makes them.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        private(folder)?;
        let key = key(&folder.join("ca.key"))?;
        let certificate = kept(&folder.join("ca.crt"), || {
            Ok(authority_params()?
                .self_signed(&key)
                .map_err(io::Error::other)?
                .pem())
        })?;
        // The issuer is rebuilt from the same name and key, so what it signs fits the kept certificate.
        let issuer = Issuer::new(authority_params()?, key);
        let admin_key = self::key(&folder.join("admin.key"))?;
        let admin = kept(&folder.join("admin.crt"), || {
            let params = leaf(
                ADMINISTRATOR,
                Some("system:masters"),
                Vec::new(),
                ExtendedKeyUsagePurpose::ClientAuth,
            )?;
            Ok(params
                .signed_by(&admin_key, &issuer)
                .map_err(io::Error::other)?
                .pem())
        })?;
        Ok(Self {
            certificate,
            issuer,
            admin: (admin, admin_key.serialize_pem()),
        })
    }

    /// The authority's certificate, as PEM.
    pub(super) fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// The authority's certificate, as DER.
    pub(super) fn certificate(&self) -> io::Result<CertificateDer<'static>> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).map_err(io::Error::other)
    }

    /// The administrator's certificate and key, as PEM.
    pub(super) fn admin(&self) -> (&str, &str) {
        (&self.admin.0, &self.admin.1)
    }

    /// A certificate for the API server of `node`, and its key.
    pub(super) fn server(
        &self,
        node: &str,
    ) -> io::Result<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
        let names = [
            "127.0.0.1",
            "localhost",
            "kubernetes",
            "kubernetes.default.svc",
            node,
        ];
        let names = names.into_iter().map(str::to_owned).collect();
        let params = leaf(
            "kube-apiserver",
            None,
            names,
            ExtendedKeyUsagePurpose::ServerAuth,
        )?;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .map_err(io::Error::other)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok((certificate.der().clone(), key))
    }
}

fn authority_params() -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new()).map_err(io::Error::other)?;
    params.distinguished_name.remove(DnType::CommonName);
    params
        .distinguished_name
        .push(DnType::CommonName, "windlass-lab-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf(
    name: &str,
    organization: Option<&str>,
    alternatives: Vec<String>,
    usage: ExtendedKeyUsagePurpose,
) -> io::Result<CertificateParams> {
    let mut params = CertificateParams::new(alternatives).map_err(io::Error::other)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(organization) = organization {
        params
            .distinguished_name
            .push(DnType::OrganizationName, organization);
    }
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    Ok(params)
}

/// The key in a file, made if there is none.
fn key(path: &Path) -> io::Result<KeyPair> {
    let pem = kept(path, || {
        Ok(KeyPair::generate()
            .map_err(io::Error::other)?
            .serialize_pem())
    })?;
    KeyPair::from_pem(&pem).map_err(|error| {
        let text = format!("{} holds no usable key: {error}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    })
}

fn kept(path: &Path, make: impl FnOnce() -> io::Result<String>) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = make()?;
            persist::replace(path, text.as_bytes())?;
            Ok(text)
        }
        Err(error) => Err(error),
    }
}

fn private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn keys_survive_and_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = Authority::open(folder.path()).unwrap();
        let second = Authority::open(folder.path()).unwrap();
        assert_eq!(first.certificate_pem(), second.certificate_pem());
        assert!(first.admin() == second.admin());
        for file in fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            assert_eq!(
                file.metadata().unwrap().permissions().mode() & 0o777,
                0o600,
                "{:?}",
                file.path()
            );
        }
        second.server("cp1").unwrap();
    }
}
