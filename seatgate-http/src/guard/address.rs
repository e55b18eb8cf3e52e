//! Which addresses may be called.
//!
//! Sources: the IANA special-purpose address registries for IPv4 and IPv6, and the metadata addresses that the large
//! clouds document.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Host;

/// How far a call may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Public addresses only.
    Public,
    /// The target is on the list: loopback and private addresses too.
    Listed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Public,
    /// Loopback and private networks, where a target may live if it is on the list.
    Private,
    /// No target lives there, listed or not.
    Never,
}

impl Reach {
    pub(super) fn permits(self, address: IpAddr) -> bool {
        match classify(address) {
            Class::Public => true,
            Class::Private => self == Self::Listed,
            Class::Never => false,
        }
    }
}

/// The address that a URL's host spells out. `url` has already read the odd spellings (`2130706433`, `0x7f.1`).
pub(super) fn of_literal<S>(host: &Host<S>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(IpAddr::V4(*address)),
        Host::Ipv6(address) => Some(IpAddr::V6(*address)),
    }
}

fn classify(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

/// Metadata and platform services of Alibaba Cloud and Azure: the one in carrier space, the other in public space.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];

fn classify_v4(address: Ipv4Addr) -> Class {
    if METADATA_V4.contains(&address) {
        return Class::Never;
    }
    match address.octets() {
        [10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Private,
        // Carrier-grade NAT.
        [100, 64..=127, ..] => Class::Private,
        // "This network"; link-local, where the metadata services live; protocol assignments; 6to4 relays.
        [0, ..] | [169, 254, ..] | [192, 0, 0, _] | [192, 88, 99, _] => Class::Never,
        // Documentation; benchmarking.
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [198, 18 | 19, ..] => Class::Never,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => Class::Never,
        _ => Class::Public,
    }
}

/// Only global unicast (2000::/3) is public, and of it not the parts that wrap or stand for something else. So the
/// v4-mapped and v4-compatible forms, NAT64 (64:ff9b::/96, 64:ff9b:1::/48), link-local, site-local, multicast and the
/// unspecified address fall under `Never` without being named.
fn classify_v6(address: Ipv6Addr) -> Class {
    if address == Ipv6Addr::LOCALHOST {
        return Class::Private;
    }
    match address.segments() {
        // Metadata services of AWS and Google within the unique local range.
        [0xfd00, 0x0ec2, ..] | [0xfd20, 0x00ce, ..] => Class::Never,
        [0xfc00..=0xfdff, ..] => Class::Private,
        // Protocol assignments: Teredo, benchmarking, ORCHID.
        [0x2001, 0..=0x01ff, ..] => Class::Never,
        // 6to4 wraps an IPv4 address, and has been deprecated since RFC 7526.
        [0x2002, ..] => Class::Never,
        // Documentation.
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Class::Never,
        [0x2000..=0x3fff, ..] => Class::Public,
        _ => Class::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn class(text: &str) -> Class {
        classify(text.parse().unwrap())
    }

    #[test]
    fn public_addresses() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "168.63.129.17",
            "2000::1",
            "2001:200::1",
            "2606:4700::1111",
            "2a00:1450::1",
            "3ffe::1",
            "3fff:1000::1",
        ] {
            assert_eq!(class(text), Class::Public, "{text}");
        }
    }

    #[test]
    fn private_addresses() {
        for text in [
            "10.0.0.1",
            "10.255.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.0",
            "192.168.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "::1",
            "fc00::1",
            "fd12::1",
        ] {
            assert_eq!(class(text), Class::Private, "{text}");
        }
    }

    #[test]
    fn addresses_where_no_target_lives() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.0.1",
            "169.254.169.254",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "100.100.100.200",
            "168.63.129.16",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:0:7f00:1::",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:808:808::1",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
        ] {
            assert_eq!(class(text), Class::Never, "{text}");
        }
    }

    #[test]
    fn the_list_opens_private_addresses_and_nothing_else() {
        let permits = |reach: Reach, text: &str| reach.permits(text.parse().unwrap());
        assert!(permits(Reach::Public, "1.1.1.1") && permits(Reach::Listed, "1.1.1.1"));
        assert!(!permits(Reach::Public, "10.0.0.1") && permits(Reach::Listed, "10.0.0.1"));
        assert!(!permits(Reach::Public, "169.254.169.254") && !permits(Reach::Listed, "169.254.169.254"));
    }

    proptest! {
        /// What the standard library knows of special addresses is never public here.
        #[test]
        fn agrees_with_the_standard_library(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let special = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
                || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified();
            prop_assert!(!(special && classify_v4(v4) == Class::Public));
            prop_assert_eq!(classify_v6(v4.to_ipv6_mapped()), Class::Never);
        }
    }
}
