//! The evil archives: each is made of a good one, and named after the attack.

use std::io::Write;

use surefoot_tests::notes::Packed;

use super::ustar::{Archive, Member, gz, zst};

/// An attack: its name, how it is made of a good archive, and words of what is said of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) make: fn(Archive) -> Packed,
    pub(crate) words: &'static str,
}

/// Defines the cases, and a test of the reader for each.
macro_rules! cases {
    ($($family:ident { $($name:ident: $words:literal => $make:expr;)+ })+) => {
        $(pub(crate) const $family: &[Case] = &[$(Case { name: stringify!($name), make: $make, words: $words }),+];)+

        mod reader {
            $($(#[test]
            fn $name() {
                crate::reader::refuses(super::$family.iter().find(|case| case.name == stringify!($name)).unwrap());
            })+)+
        }
    };
}

cases! {
    NAMES {
        a_path_that_leads_up: "another name" => |good| good.insert([evil("../evil")]).packed();
        a_path_that_goes_down_and_further_up: "another name" => |good| good.insert([evil("a/../../evil")]).packed();
        an_absolute_path: "another name" => |good| good.insert([evil("/tmp/evil")]).packed();
        a_path_twice: "is not in the manifest" => |mut good| { let last = good.last().clone(); good.insert([last]).packed() };
        a_path_that_differs_in_case: "another name" => |good| good.with_last(|last| {
            let name = last.named().to_uppercase();
            last.name(name.as_bytes())
        }).packed();
        a_name_with_a_newline: "another name" => |good| good.insert([evil("evil\n.txt")]).packed();
        a_name_with_control_characters: "another name" => |good| good.insert([evil("evil\x1b[2J\x07")]).packed();
        a_name_that_is_no_utf_8: "another name" => |good| good.insert([Member::raw(b"evil\xff\xfe", b'0', b"x")]).packed();
        a_name_with_a_backslash: "another name" => |good| good.insert([evil("..\\evil")]).packed();
        a_name_with_a_slash_at_its_end: "another name" => |good| good.insert([evil("evil/")]).packed();
        no_name: "another name" => |good| good.insert([evil("")]).packed();
        a_depth_of_1500: "another name" => |good| {
            let path = "d/".repeat(1500) + "evil";
            good.insert([Member::pax(b'x', &[("path", &path)])]).packed()
        };
        a_component_of_300_bytes: "another name" => |good| good.insert([Member::long_name(&"e".repeat(300))]).packed();
    }
    LINKS {
        an_absolute_symlink: "another name" => |good| good.insert([Member::special("evil", b'2', "/etc")]).packed();
        a_symlink_out_of_the_tree: "another name" => |good| good.insert([Member::special("evil", b'2', "../../..")]).packed();
        a_symlink_and_a_file_through_it: "another name" => |mut good| {
            good.0.splice(0..0, [Member::special("out", b'2', "../.."), evil("out/evil")]);
            good.packed()
        };
        a_symlink_in_place_of_a_file: "no regular file" => |good| of_kind(good, b'2', "/etc/passwd");
        a_symlink_to_itself: "no regular file" => |mut good| {
            let name = good.last().header.named();
            of_kind(good, b'2', &name)
        };
        a_hard_link_out_of_the_tree: "no regular file" => |good| of_kind(good, b'1', "/etc/passwd");
        a_hard_link_within_the_tree: "no regular file" => |good| {
            let first = good.0[0].header.named();
            of_kind(good, b'1', &first)
        };
        a_symlink_and_a_directory_of_one_name: "another name" => |good| {
            good.insert([Member::special("evil", b'2', "../.."), Member::special("evil", b'5', ""), evil("evil/evil")]).packed()
        };
    }
    KINDS {
        a_directory: "another name" => |good| good.insert([Member::special("evil", b'5', "")]).packed();
        a_pipe: "no regular file" => |good| of_kind(good, b'6', "");
        a_character_device: "no regular file" => |good| of_kind(good, b'3', "");
        a_block_device: "no regular file" => |good| of_kind(good, b'4', "");
        a_contiguous_file: "no regular file" => |good| of_kind(good, b'7', "");
        a_sparse_file: "no regular file" => |good| of_kind(good, b'S', "");
        an_unknown_type_flag: "no regular file" => |good| of_kind(good, b'Z', "");
        a_header_from_before_ustar: "no ustar entry" => |good| good.with_last(|last| last.magic(&[0; 8])).packed();
        a_header_of_gnu_tar: "no ustar entry" => |good| good.with_last(|last| last.magic(b"ustar  \0")).packed();
    }
    MODES {
        set_user_id: "another mode" => |good| of_mode(good, 0o4755);
        set_group_id: "another mode" => |good| of_mode(good, 0o2755);
        a_sticky_bit: "another mode" => |good| of_mode(good, 0o1755);
        a_mode_of_0666: "another mode" => |good| of_mode(good, 0o666);
        a_mode_of_0000: "another mode" => |good| of_mode(good, 0);
        a_mode_of_0777: "another mode" => |good| of_mode(good, 0o777);
    }
    EXTENSIONS {
        a_pax_path_that_leads_up: "another name" => |good| pax(good, &[("path", "../evil")]);
        a_pax_link_path: "another name" => |good| pax(good, &[("linkpath", "/etc/passwd")]);
        a_global_pax_header: "another name" => |good| good.insert([Member::pax(b'g', &[("path", "../evil")])]).packed();
        a_pax_size_against_the_header: "another name" => |good| pax(good, &[("size", "0")]);
        a_pax_size_that_hides_an_archive_in_a_file: "another name" => nested;
        a_pax_header_as_large_as_a_disk: "another name" => |good| {
            let mut header = Member::pax(b'x', &[("path", "../evil")]);
            header.header = header.header.size(0o77_777_777_777);
            good.insert([header]).packed()
        };
        a_gnu_long_name_mixed_with_pax: "another name" => |good| {
            good.insert([Member::long_name("../evil"), Member::pax(b'x', &[("path", "evil")]), evil("e")]).packed()
        };
        a_gnu_long_link: "another name" => |good| {
            good.insert([Member::raw(b"././@LongLink", b'K', b"/etc\0"), Member::special("evil", b'2', "x")]).packed()
        };
    }
    LENGTHS {
        a_cut_in_the_middle_of_a_file: "" => |good| {
            let bytes = good.members();
            zst(&bytes[..bytes.len() - 512])
        };
        a_cut_in_the_middle_of_a_header: "" => |mut good| {
            let last = good.0.pop().unwrap();
            zst(&[good.members(), Archive(vec![last]).bytes()[..200].to_vec()].concat())
        };
        a_cut_in_the_compressed_stream: "cannot be read" => |good| match good.packed() {
            Packed::Zst(bytes) => Packed::Zst(bytes[..bytes.len() - 8].to_vec()),
            Packed::Gz(bytes) => Packed::Gz(bytes),
        };
        a_cut_in_a_gzip_stream: "cannot be read" => |good| match gz(&good.bytes()) {
            Packed::Gz(bytes) => Packed::Gz(bytes[..bytes.len() - 8].to_vec()),
            Packed::Zst(bytes) => Packed::Zst(bytes),
        };
        no_end_marker: "its end is missing" => |good| zst(&good.members());
        half_an_end_marker: "its end is missing" => |good| zst(&[good.members(), vec![0; 512]].concat());
        garbage_behind_the_end: "follows its end" => |good| zst(&[good.bytes(), vec![1; 512]].concat());
        a_second_archive_behind_the_end: "follows its end" => |good| {
            zst(&[good.bytes(), Archive(vec![evil("evil")]).bytes()].concat())
        };
        garbage_behind_the_compressed_stream: "cannot be read" => |good| match good.packed() {
            Packed::Zst(bytes) => Packed::Zst([bytes, b"garbage".to_vec()].concat()),
            Packed::Gz(bytes) => Packed::Gz(bytes),
        };
        garbage_behind_the_gzip_stream: "cannot be read" => |good| match gz(&good.bytes()) {
            Packed::Gz(bytes) => Packed::Gz([bytes, b"garbage".to_vec()].concat()),
            Packed::Zst(bytes) => Packed::Zst(bytes),
        };
        an_empty_archive: "it ends before" => |_| zst(&[0; 1024]);
        no_byte_at_all: "" => |_| Packed::Zst(Vec::new());
        what_is_no_archive: "" => |_| zst(&b"<html>".repeat(1000));
        what_is_not_compressed: "cannot be read" => |good| Packed::Zst(good.bytes());
        a_bad_checksum: "cannot be read" => |good| good.with_last(super::ustar::Header::miscounted).packed();
    }
    BOMBS {
        a_gzip_bomb: "follows its end" => |good| bomb(&good, gzip_of);
        a_zstandard_bomb: "follows its end" => |good| bomb(&good, zstd_of);
        a_window_of_two_gibibytes: "cannot be read" => |_| {
            // RFC 8878, 3.1.1: no content size, no checksum; a window of 2^31 bytes; one last empty block.
            Packed::Zst(vec![0x28, 0xb5, 0x2f, 0xfd, 0, (31 - 10) << 3, 1, 0, 0])
        };
        a_million_empty_files: "another name" => |mut good| {
            good.0.pop();
            zstd_of(&good.members(), &Archive(vec![Member::file("evil", b"")]).members(), 1_000_000)
        };
        an_entry_that_claims_eight_exbibytes: "another size" => |good| {
            good.with_last(|last| last.huge([0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])).packed()
        };
        an_entry_that_claims_less_than_nothing: "" => |good| good.with_last(|last| last.huge([0xff; 12])).packed();
        a_size_that_is_no_number: "" => |good| good.with_last(|last| last.huge(*b"9z8y7x6w5v4\0")).packed();
    }
    SETS {
        a_listed_file_that_is_not_there: "" => |mut good| { good.0.pop(); good.packed() };
        the_first_listed_file_is_not_there: "another name" => |mut good| { good.0.remove(0); good.packed() };
        a_file_that_is_not_listed: "is not in the manifest" => |mut good| { good.0.push(evil("evil")); good.packed() };
        another_order: "another name" => |mut good| { good.0.reverse(); good.packed() };
        another_content: "is not what is listed" => |mut good| { good.last().content[0] ^= 1; good.packed() };
        another_size: "another size" => |mut good| {
            let last = good.last();
            last.content.push(b'x');
            last.header = last.header.clone().size(last.content.len());
            good.packed()
        };
        another_mode: "another mode" => |mut good| {
            let mode = if is_executable(good.last()) { 0o644 } else { 0o755 };
            of_mode(good, mode)
        };
    }
}

fn evil(name: &str) -> Member {
    Member::file(name, b"evil")
}

fn of_kind(mut good: Archive, kind: u8, target: &str) -> Packed {
    let name = good.last().header.named();
    *good.last() = Member::special(&name, kind, target);
    good.packed()
}

fn of_mode(good: Archive, mode: u32) -> Packed {
    good.with_last(|last| last.mode(mode)).packed()
}

fn pax(good: Archive, records: &[(&str, &str)]) -> Packed {
    good.insert([Member::pax(b'x', records)]).packed()
}

fn is_executable(member: &Member) -> bool {
    member.header.bits() != member.header.clone().mode(0o644).bits()
}

/// Who goes by the header's size of zero reads the file's content as further members; who goes by the PAX record does not
/// see them.
fn nested(mut good: Archive) -> Packed {
    let hidden = Archive(vec![evil("evil")]).members();
    let size = hidden.len().to_string();
    let mut outer = Member::file(&good.last().header.named(), &hidden);
    outer.header = outer.header.size(0);
    good.insert([Member::pax(b'x', &[("size", &size)]), outer]).packed()
}

/// A thousand times as large as it comes: zeros behind the end.
fn bomb(good: &Archive, pack: fn(&[u8], &[u8], usize) -> Packed) -> Packed {
    let packed = pack(&good.bytes(), &[0; 1 << 20], 256);
    let grown = packed.bytes().len() - pack(&good.bytes(), &[], 0).bytes().len();
    assert!(grown < (256 << 20) / 900, "no bomb: {grown}");
    packed
}

fn gzip_of(first: &[u8], then: &[u8], times: usize) -> Packed {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    repeat(&mut encoder, first, then, times);
    Packed::Gz(encoder.finish().unwrap())
}

fn zstd_of(first: &[u8], then: &[u8], times: usize) -> Packed {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    repeat(&mut encoder, first, then, times);
    Packed::Zst(encoder.finish().unwrap())
}

fn repeat(to: &mut impl Write, first: &[u8], then: &[u8], times: usize) {
    to.write_all(first).unwrap();
    (0..times).for_each(|_| to.write_all(then).unwrap());
}
