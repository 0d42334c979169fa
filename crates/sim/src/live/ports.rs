//! Listeners, and addresses that refuse or never answer.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A loopback port that is kept: while nobody listens on it a connection is refused, and nobody
/// else can take it.
#[derive(Debug)]
pub(crate) struct Port {
    keeper: Socket,
    /// The address.
    pub(crate) address: SocketAddr,
}

fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

impl Port {
    /// Takes a free port.
    pub(crate) fn take() -> io::Result<Self> {
        let keeper = bound(SocketAddr::new(LOOPBACK, 0))?;
        let address = keeper.local_addr()?.as_socket().ok_or_else(|| io::Error::other("not an IP socket"))?;
        Ok(Self { keeper, address })
    }

    /// Takes this one.
    pub(crate) fn take_this(port: u16) -> io::Result<Self> {
        let address = SocketAddr::new(LOOPBACK, port);
        // Somebody who listens would be found out only later.
        let probe = bound(address)?;
        probe.listen(1)?;
        drop(probe);
        Ok(Self { keeper: bound(address)?, address })
    }

    /// Listens on it. On Linux two sockets may share an address as long as one of them does not
    /// listen, so the keeper stays.
    pub(crate) fn listen(&self) -> io::Result<tokio::net::TcpListener> {
        debug_assert!(self.keeper.local_addr().is_ok());
        let socket = bound(self.address)?;
        socket.listen(4096)?;
        tokio::net::TcpListener::from_std(socket.into())
    }
}

impl Port {
    /// Has its SYNs never answered, as long as that is kept.
    pub(crate) fn fall_silent(&self) -> io::Result<Blackhole> {
        Blackhole::at(self.address)
    }
}

/// An address whose SYNs are never answered: its accept queue is full and stays so.
#[derive(Debug)]
pub(crate) struct Blackhole {
    _listener: Socket,
    _fillers: Vec<Socket>,
    /// The address.
    pub(crate) address: SocketAddr,
}

impl Blackhole {
    /// Opens it, and makes sure that it is full: a queue of length 0 holds one connection, and the
    /// kernel drops every further SYN.
    pub(crate) fn open() -> io::Result<Self> {
        Self::at(SocketAddr::new(LOOPBACK, 0))
    }

    fn at(address: SocketAddr) -> io::Result<Self> {
        let listener = bound(address)?;
        listener.listen(0)?;
        let address = listener.local_addr()?;
        let mut fillers = Vec::new();
        for _ in 0..4 {
            let filler = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None)?;
            // On a loopback device it is connected at once, or its SYN has been dropped.
            let _ = filler.connect(&address);
            fillers.push(filler);
        }
        let address = address.as_socket().ok_or_else(|| io::Error::other("not an IP socket"))?;
        Ok(Self { _listener: listener, _fillers: fillers, address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_port_refuses_until_it_listens_and_again_afterwards() {
        let port = Port::take().unwrap();
        let refused = || async { TcpStream::connect(port.address).await.map_err(|e| e.kind()).err() };
        assert_eq!(refused().await, Some(io::ErrorKind::ConnectionRefused));
        for _ in 0..3 {
            let listener = port.listen().unwrap();
            let (client, _server) = tokio::join!(TcpStream::connect(port.address), listener.accept());
            client.unwrap();
            drop(listener);
            assert_eq!(refused().await, Some(io::ErrorKind::ConnectionRefused));
        }
    }

    #[tokio::test]
    async fn a_blackhole_answers_no_syn() {
        let hole = Blackhole::open().unwrap();
        for _ in 0..3 {
            assert!(timeout(Duration::from_millis(200), TcpStream::connect(hole.address)).await.is_err());
        }
    }
}
