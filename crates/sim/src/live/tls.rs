//! TLS handshakes that fail: with a server that speaks plain HTTP, and with one whose certificate
//! nobody has signed.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OnceCell;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use topology::Failure;

/// The name that the caller asks for.
const NAME: &str = "localhost";

/// How a handshake failed.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) failure: Failure,
    pub(crate) words: String,
}

/// A server whose certificate is self-signed; it is there from its first caller on.
#[derive(Debug, Default)]
pub(crate) struct SelfSigned {
    address: OnceCell<SocketAddr>,
}

impl SelfSigned {
    /// A caller that trusts nobody shakes hands with it.
    pub(crate) async fn meet(&self) -> io::Result<Refusal> {
        let address = *self.address.get_or_try_init(serve).await?;
        shake_hands(address).await
    }
}

/// A caller shakes hands with what speaks plain HTTP.
pub(crate) async fn to_plain(address: SocketAddr) -> io::Result<Refusal> {
    shake_hands(address).await
}

async fn shake_hands(address: SocketAddr) -> io::Result<Refusal> {
    let stream = TcpStream::connect(address).await?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
    match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
        Ok(_) => Err(io::Error::other("a certificate that nobody has signed was trusted")),
        Err(error) => {
            let why = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            let failure = match why {
                Some(rustls::Error::InvalidCertificate(_)) => Failure::TlsCertificateError,
                Some(_) => Failure::TlsProtocolError,
                // It hung up: a server that was spoken to in a language it does not know.
                None if error.kind() == io::ErrorKind::UnexpectedEof => Failure::TlsProtocolError,
                None => return Err(error),
            };
            Ok(Refusal { failure, words: error.to_string() })
        }
    }
}

/// Listens, and shakes hands with whoever comes, as long as the runtime lives.
async fn serve() -> io::Result<SocketAddr> {
    let signed = rcgen::generate_simple_self_signed([NAME.to_owned()]).map_err(io::Error::other)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![signed.cert.into()], key))
        .map_err(io::Error::other)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // The caller will have none of it.
                let _ = acceptor.accept(stream).await;
            });
        }
    });
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_certificate_that_nobody_has_signed_is_not_trusted() {
        let server = SelfSigned::default();
        for _ in 0..2 {
            let refusal = server.meet().await.unwrap();
            assert_eq!(refusal.failure, Failure::TlsCertificateError, "{}", refusal.words);
        }
    }

    #[tokio::test]
    async fn plain_http_is_no_tls() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 1];
            stream.read_exact(&mut hello).await.unwrap();
            assert_eq!(hello, [22], "a TLS handshake record");
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        });
        let refusal = to_plain(address).await.unwrap();
        assert_eq!(refusal.failure, Failure::TlsProtocolError, "{}", refusal.words);
    }
}
