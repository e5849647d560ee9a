#pragma once
// The session protocol: requests of a client, answers of the manager. Each message is one RDMA Send.
// Specified in pmemckpt-protocol.7, which is the contract; a change here is a change there.
//
//   client                      manager
//   HELLO      ───────────────► who, which pool, a nonce
//              ◄─────────────── CHALLENGE   a nonce, the pool's UUID and public key
//   PROOF      ───────────────► HMAC of all before, with the principal's key
//              ◄─────────────── WELCOME     HMAC of all before, and a signature by the pool's key
//   requests   ◄──────────────► one answer each, in any order; request_id pairs them
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/base/keys.hh"
#include "lib/base/result.hh"
#include "lib/base/uuid.hh"
#include "lib/wire/codec.hh"

namespace pmemckpt::wire {

inline constexpr std::uint16_t kProtocolVersion = 1;
inline constexpr std::size_t kHeaderBytes = 16;

/// Answers have the request's type with kAnswer set; a failed request is answered by an ErrorAnswer.
/// 0x01xx start-up, 0x02xx regions, 0x03xx generations, 0x04xx logs, 0x05xx cursors, 0x06xx the manager
/// itself, 0x07xx sync points (lib/sync), which participants answer; the rest is free for later.
enum class Type : std::uint16_t {
    hello = 0x0101,
    proof = 0x0102,
    create_region = 0x0201,
    find_region = 0x0202,
    destroy_region = 0x0203,
    list_regions = 0x0204,
    set_retention = 0x0206,
    clear = 0x0207,
    take_over = 0x0208,
    watch = 0x0209,
    grant_rights = 0x020a,
    withdraw_rights = 0x020b,
    list_rights = 0x020c,
    set_owner = 0x020d,
    begin = 0x0301,
    seal = 0x0302,
    abort = 0x0303,
    open_generation = 0x0304,
    close_generation = 0x0305,
    list_generations = 0x0306,
    wait_generation = 0x0307,
    find_generation = 0x0308,
    begin_clone = 0x0309,
    dirty = 0x030a,
    pin = 0x030b,
    open_log = 0x0401,
    grow_log = 0x0402,
    close_log = 0x0403,
    read_log = 0x0404,
    wait_log = 0x0405,
    log_hint = 0x0406,
    find_in_log = 0x0407,
    find_log = 0x0408,
    flush_log = 0x0409,
    cursor_get = 0x0501,
    cursor_advance = 0x0502,
    cursor_drop = 0x0503,
    cursor_list = 0x0504,
    status = 0x0601,
    goodbye = 0x0602,
    error = 0x7fff,  ///< only as an answer: 0xffff
};
inline constexpr std::uint16_t kAnswer = 0x8000;

struct Header {
    std::uint16_t version = kProtocolVersion;
    std::uint16_t type = 0;
    std::uint32_t body_bytes = 0;
    std::uint64_t request_id = 0;
    static void fields(auto& s, auto& c) { c(s.version), c(s.type), c(s.body_bytes), c(s.request_id); }
};

using Nonce = std::array<std::uint8_t, 32>;
using Mac = std::array<std::uint8_t, 32>;        // HMAC-SHA-256
using Signature = std::array<std::uint8_t, 64>;  // Ed25519
using pmemckpt::PublicKey;
using pmemckpt::Uuid;

struct Empty {
    static void fields(auto&, auto&) {}
};

/// Code is a Linux errno number (asm-generic), whatever the system.
struct ErrorAnswer {
    std::uint32_t code = 0;
    std::string message;
    static void fields(auto& s, auto& c) { c(s.code), c(s.message); }
};

struct Hello {
    static constexpr Type kType = Type::hello;
    std::uint16_t minimum_version = kProtocolVersion, maximum_version = kProtocolVersion;
    Nonce nonce{};
    std::string principal;
    std::string pool;  ///< its name in the manager's configuration or its UUID; empty: the manager's first
    static void fields(auto& s, auto& c) {
        c(s.minimum_version), c(s.maximum_version), c(s.nonce), c(s.principal), c(s.pool);
    }
};
struct Challenge {
    std::uint16_t version = kProtocolVersion;
    Nonce nonce{};
    Uuid pool_uuid{};
    PublicKey pool_key{};
    static void fields(auto& s, auto& c) { c(s.version), c(s.nonce), c(s.pool_uuid), c(s.pool_key); }
};
struct Proof {
    static constexpr Type kType = Type::proof;
    Mac mac{};
    static void fields(auto& s, auto& c) { c(s.mac); }
};
struct Welcome {
    Mac mac{};
    Signature signature{};
    std::uint64_t session_id = 0;
    std::uint64_t page_size = 0;  ///< bytes
    std::uint8_t durability = 0;  ///< media::Durability of the pool's medium
    std::string manager;          ///< software and version, for people
    static void fields(auto& s, auto& c) {
        c(s.mac), c(s.signature), c(s.session_id), c(s.page_size), c(s.durability), c(s.manager);
    }
};

struct Region {
    std::uint64_t id = 0;
    std::string name, owner;
    std::uint32_t keep = 0;
    std::uint64_t max_size = 0, epoch = 0, newest = 0, generations = 0, bytes = 0;
    std::int64_t created_ns = 0;
    std::int64_t keep_age_ns = 0;
    std::uint64_t log_id = 0, log_records = 0, log_bytes = 0;  ///< log_id 0: no log
    std::uint8_t rights = 0;                                   ///< of the session's principal: Rights
    static void fields(auto& s, auto& c) {
        c(s.id), c(s.name), c(s.owner), c(s.keep), c(s.max_size), c(s.epoch), c(s.newest), c(s.generations),
            c(s.bytes), c(s.created_ns), c(s.keep_age_ns), c(s.log_id), c(s.log_records), c(s.log_bytes),
            c(s.rights);
    }
};
struct Generation {
    std::uint64_t region_id = 0, number = 0, length = 0;
    std::uint32_t crc32c = 0;
    std::uint8_t durability = 0;
    std::int64_t sealed_ns = 0;
    std::uint64_t epoch = 0;
    std::string writer;
    std::uint8_t pinned = 0;
    static void fields(auto& s, auto& c) {
        c(s.region_id), c(s.number), c(s.length), c(s.crc32c), c(s.durability), c(s.sealed_ns), c(s.epoch),
            c(s.writer), c(s.pinned);
    }
};
/// A window: [0, size) of the generation is [base, base + size) on the wire under `key` (STag, rkey).
struct Window {
    std::uint32_t key = 0;
    std::uint64_t base = 0, size = 0;
    static void fields(auto& s, auto& c) { c(s.key), c(s.base), c(s.size); }
};

struct CreateRegion {  // answer: Region. When it is there already and `exclusive` is 0: that one, unchanged.
    static constexpr Type kType = Type::create_region;
    std::string name;
    std::uint32_t keep = 0;  ///< 0: the pool's default
    std::uint64_t max_size = 0;
    std::uint8_t exclusive = 0;
    static void fields(auto& s, auto& c) { c(s.name), c(s.keep), c(s.max_size), c(s.exclusive); }
};
struct FindRegion {  // answer: Region
    static constexpr Type kType = Type::find_region;
    std::string name;
    static void fields(auto& s, auto& c) { c(s.name); }
};
struct DestroyRegion {  // answer: Empty
    static constexpr Type kType = Type::destroy_region;
    std::string name;
    static void fields(auto& s, auto& c) { c(s.name); }
};
struct ListRegions {  // answer: RegionList, as many as fit; ask again with the last name until it is empty
    static constexpr Type kType = Type::list_regions;
    std::string after;
    static void fields(auto& s, auto& c) { c(s.after); }
};
struct RegionList {
    std::vector<Region> regions;
    static void fields(auto& s, auto& c) { c(s.regions); }
};

struct Begin {  // answer: Begun
    static constexpr Type kType = Type::begin;
    std::string region;
    std::uint64_t size = 0;
    static void fields(auto& s, auto& c) { c(s.region), c(s.size); }
};
struct Begun {
    std::uint64_t draft_id = 0;
    Window window;            ///< for RDMA Write
    std::uint64_t epoch = 0;  ///< of the region: a takeover that raises it ends the draft
    static void fields(auto& s, auto& c) { c(s.draft_id), c(s.window), c(s.epoch); }
};
struct Seal {  // answer: Generation, once it is durable
    static constexpr Type kType = Type::seal;
    std::uint64_t draft_id = 0, length = 0;
    std::uint8_t has_crc = 0;
    std::uint32_t crc32c = 0;  ///< of [0, length), as its writer meant it; compared when has_crc is 1
    static void fields(auto& s, auto& c) { c(s.draft_id), c(s.length), c(s.has_crc), c(s.crc32c); }
};
struct Abort {  // answer: Empty
    static constexpr Type kType = Type::abort;
    std::uint64_t draft_id = 0;
    static void fields(auto& s, auto& c) { c(s.draft_id); }
};
struct OpenGeneration {  // answer: OpenedGeneration
    static constexpr Type kType = Type::open_generation;
    std::string region;
    std::uint64_t number = 0;  ///< 0: the newest
    static void fields(auto& s, auto& c) { c(s.region), c(s.number); }
};
struct OpenedGeneration {
    std::uint64_t handle = 0;
    Generation generation;
    Window window;  ///< for RDMA Read; key 0 when the generation is empty
    static void fields(auto& s, auto& c) { c(s.handle), c(s.generation), c(s.window); }
};
struct CloseGeneration {  // answer: Empty
    static constexpr Type kType = Type::close_generation;
    std::uint64_t handle = 0;
    static void fields(auto& s, auto& c) { c(s.handle); }
};
struct ListGenerations {  // answer: GenerationList, oldest first, as many as fit
    static constexpr Type kType = Type::list_generations;
    std::string region;
    std::uint64_t after = 0;
    static void fields(auto& s, auto& c) { c(s.region), c(s.after); }
};
struct GenerationList {
    std::vector<Generation> generations;
    static void fields(auto& s, auto& c) { c(s.generations); }
};
struct WaitGeneration {  // answer: Generation, when one above `after` is sealed (at once if it is); ETIMEDOUT
    static constexpr Type kType = Type::wait_generation;
    std::string region;
    std::uint64_t after = 0;
    std::uint32_t timeout_ms = 0;
    static void fields(auto& s, auto& c) { c(s.region), c(s.after), c(s.timeout_ms); }
};
struct FindGeneration {  // answer: Generation; number 0: the newest. No window is granted.
    static constexpr Type kType = Type::find_generation;
    std::string region;
    std::uint64_t number = 0;
    static void fields(auto& s, auto& c) { c(s.region), c(s.number); }
};
struct SetRetention {  // answer: Region
    static constexpr Type kType = Type::set_retention;
    std::string name;
    std::uint32_t keep = 0;  ///< 0: as it is
    std::int64_t keep_age_ns = 0;
    static void fields(auto& s, auto& c) { c(s.name), c(s.keep), c(s.keep_age_ns); }
};
struct Clear {  // answer: Empty
    static constexpr Type kType = Type::clear;
    std::string name;
    static void fields(auto& s, auto& c) { c(s.name); }
};
struct Pin {  // answer: Empty
    static constexpr Type kType = Type::pin;
    std::string region;
    std::uint64_t number = 0;
    std::uint8_t pinned = 0;
    static void fields(auto& s, auto& c) { c(s.region), c(s.number), c(s.pinned); }
};
struct Cursor {
    std::string name;
    std::uint64_t generation = 0, sequence = 0;
    static void fields(auto& s, auto& c) { c(s.name), c(s.generation), c(s.sequence); }
};
struct CursorGet {  // answer: Cursor; a name never seen has read nothing: zeros
    static constexpr Type kType = Type::cursor_get;
    std::string region, name;
    static void fields(auto& s, auto& c) { c(s.region), c(s.name); }
};
struct CursorAdvance {  // answer: Empty, once it is durable
    static constexpr Type kType = Type::cursor_advance;
    std::string region;
    Cursor cursor;
    std::uint64_t region_id = 0, log_id = 0;  ///< of what was read; 0: whatever is there now
    static void fields(auto& s, auto& c) { c(s.region), c(s.cursor), c(s.region_id), c(s.log_id); }
};
struct CursorDrop {  // answer: Empty
    static constexpr Type kType = Type::cursor_drop;
    std::string region, name;
    static void fields(auto& s, auto& c) { c(s.region), c(s.name); }
};
struct CursorListRequest {  // answer: CursorList, sorted by name, as many as fit
    static constexpr Type kType = Type::cursor_list;
    std::string region, after;
    static void fields(auto& s, auto& c) { c(s.region), c(s.after); }
};
struct CursorList {
    std::vector<Cursor> cursors;
    static void fields(auto& s, auto& c) { c(s.cursors); }
};
struct TakeOver {  // answer: TakenOver, once the new epoch is durable and every older window is dead
    static constexpr Type kType = Type::take_over;
    std::string name;
    std::string cursor;  ///< this backup's; may be empty
    static void fields(auto& s, auto& c) { c(s.name), c(s.cursor); }
};
struct TakenOver {
    Region region;
    std::uint64_t previous_epoch = 0;
    Generation newest;  ///< number 0: there is none
    Cursor cursor;
    static void fields(auto& s, auto& c) { c(s.region), c(s.previous_epoch), c(s.newest), c(s.cursor); }
};

enum class EventKind : std::uint16_t {
    sealed = 1,
    log_opened = 2,
    primary_connected = 3,  ///< a session wrote to the region first
    primary_lost = 4,       ///< its connection ended without goodbye
    primary_left = 5,       ///< it said goodbye
    taken_over = 6,
    cleared = 7,
    destroyed = 8,
    dropped = 9,  ///< by retention; generation is its number
};
struct Event {
    std::uint64_t number = 0;  ///< from 1, in a region, while the manager runs
    std::int64_t time_ns = 0;
    EventKind kind{};
    std::uint64_t generation = 0, epoch = 0;
    std::string principal, detail;
    static void fields(auto& s, auto& c) {
        c(s.number), c(s.time_ns), c(s.kind), c(s.generation), c(s.epoch), c(s.principal), c(s.detail);
    }
};
struct Watch {  // answer: EventList, when there is an event above `after` (UINT64_MAX: the next one);
                // ETIMEDOUT
    static constexpr Type kType = Type::watch;
    std::string region;
    std::uint64_t after = 0;
    std::uint32_t timeout_ms = 0;
    static void fields(auto& s, auto& c) { c(s.region), c(s.after), c(s.timeout_ms); }
};
struct EventList {
    std::uint64_t lost = 0;  ///< events after `after` that the manager does not have any more
    std::vector<Event> events;
    static void fields(auto& s, auto& c) { c(s.lost), c(s.events); }
};

struct Grant {
    std::string grantee;  ///< a principal, or "%" and a group's name
    std::uint8_t rights = 0;
    static void fields(auto& s, auto& c) { c(s.grantee), c(s.rights); }
};
struct GrantRights {  // answer: Grant, what the grantee may do then
    static constexpr Type kType = Type::grant_rights;
    std::string region;
    Grant more;
    static void fields(auto& s, auto& c) { c(s.region), c(s.more); }
};
struct WithdrawRights {  // answer: Grant, once no window is left that the grantee had by what is withdrawn
    static constexpr Type kType = Type::withdraw_rights;
    std::string region;
    Grant less;
    static void fields(auto& s, auto& c) { c(s.region), c(s.less); }
};
struct ListRights {  // answer: RightsList, as many as fit
    static constexpr Type kType = Type::list_rights;
    std::string region, after;
    static void fields(auto& s, auto& c) { c(s.region), c(s.after); }
};
struct RightsList {
    std::string owner;  ///< has all of them
    std::vector<Grant> grants;
    static void fields(auto& s, auto& c) { c(s.owner), c(s.grants); }
};
struct SetOwner {  // answer: Region
    static constexpr Type kType = Type::set_owner;
    std::string region, owner;
    static void fields(auto& s, auto& c) { c(s.region), c(s.owner); }
};

struct BeginClone {  // answer: Cloning
    static constexpr Type kType = Type::begin_clone;
    std::string region;
    std::uint64_t size = 0;
    std::uint64_t base = 0;  ///< 0: the newest
    static void fields(auto& s, auto& c) { c(s.region), c(s.size), c(s.base); }
};
struct Cloning {
    std::uint64_t draft_id = 0;
    Generation base;
    static void fields(auto& s, auto& c) { c(s.draft_id), c(s.base); }
};
struct Range {
    std::uint64_t offset = 0, length = 0;
    static void fields(auto& s, auto& c) { c(s.offset), c(s.length); }
};
struct Dirty {  // answer: Begun; the window's key is 0 until the one with `last` = 1
    static constexpr Type kType = Type::dirty;
    std::uint64_t draft_id = 0;
    std::uint8_t last = 0;
    std::vector<Range> ranges;
    static void fields(auto& s, auto& c) { c(s.draft_id), c(s.last), c(s.ranges); }
};

struct LogSegment {
    std::uint64_t start = 0;  ///< where it stands in the log's range; the window's size is its length
    Window window;
    static void fields(auto& s, auto& c) { c(s.start), c(s.window); }
};
struct OpenLog {  // answer: LogGranted; windows for RDMA Write and Read
    static constexpr Type kType = Type::open_log;
    std::string region;
    std::uint64_t room = 0;      ///< bytes wanted behind the end
    std::uint8_t can_flush = 0;  ///< 1: the client's device has RDMA FLUSH
    static void fields(auto& s, auto& c) { c(s.region), c(s.room), c(s.can_flush); }
};
struct LogGranted {
    std::uint64_t log_id = 0;
    std::uint32_t term = 0;
    std::uint64_t epoch = 0, next_sequence = 0, end = 0, generation = 0;
    std::vector<LogSegment> segments;
    std::uint8_t flush_by = 0;    ///< FlushBy
    std::uint8_t durability = 0;  ///< the method that holds then, as of a generation
    static void fields(auto& s, auto& c) {
        c(s.log_id), c(s.term), c(s.epoch), c(s.next_sequence), c(s.end), c(s.generation), c(s.segments),
            c(s.flush_by), c(s.durability);
    }
};
struct GrowLog {  // answer: LogGranted with the new segments alone
    static constexpr Type kType = Type::grow_log;
    std::string region;
    std::uint64_t log_id = 0;
    std::uint32_t term = 0;
    std::uint64_t room = 0;
    static void fields(auto& s, auto& c) { c(s.region), c(s.log_id), c(s.term), c(s.room); }
};
/// How records that were written get durable.
enum class FlushBy : std::uint8_t {
    read = 0,     ///< by an RDMA Read of a byte of the last window written through, when it is answered
    request = 1,  ///< by FLUSH_LOG
    flush = 2     ///< by RDMA FLUSH, through each window written through
};
struct FlushLog {  // answer: Empty, when the bytes [from, to) of the log's range are durable
    static constexpr Type kType = Type::flush_log;
    std::string region;
    std::uint64_t log_id = 0;
    std::uint32_t term = 0;
    std::uint64_t from = 0, to = 0;
    static void fields(auto& s, auto& c) { c(s.region), c(s.log_id), c(s.term), c(s.from), c(s.to); }
};
struct CloseLog {  // answer: Empty
    static constexpr Type kType = Type::close_log;
    std::string region;
    static void fields(auto& s, auto& c) { c(s.region); }
};
struct ReadLog {  // answer: LogOpened; windows for RDMA Read; close with close_generation
    static constexpr Type kType = Type::read_log;
    std::string region;
    static void fields(auto& s, auto& c) { c(s.region); }
};
struct LogOpened {
    std::uint64_t handle = 0, generation = 0, log_id = 0, epoch = 0;
    std::uint32_t term = 0;
    std::uint64_t records = 0, bytes = 0;
    std::vector<LogSegment> segments;
    static void fields(auto& s, auto& c) {
        c(s.handle), c(s.generation), c(s.log_id), c(s.epoch), c(s.term), c(s.records), c(s.bytes),
            c(s.segments);
    }
};
struct WaitLog {  // answer: LogState, when a generation above or a record behind is there; ETIMEDOUT
    static constexpr Type kType = Type::wait_log;
    std::string region;
    std::uint64_t generation = 0, log_id = 0, after_sequence = 0;
    std::uint32_t timeout_ms = 0;
    static void fields(auto& s, auto& c) {
        c(s.region), c(s.generation), c(s.log_id), c(s.after_sequence), c(s.timeout_ms);
    }
};
struct FindLog {  // answer: LogState, as it is now; log_id 0 when there is no log
    static constexpr Type kType = Type::find_log;
    std::string region;
    static void fields(auto& s, auto& c) { c(s.region); }
};
struct LogState {
    std::uint64_t region_id = 0, generation = 0, log_id = 0, records = 0, bytes = 0;
    std::uint64_t payload_bytes = 0;  ///< of its records, without headers and padding
    static void fields(auto& s, auto& c) {
        c(s.region_id), c(s.generation), c(s.log_id), c(s.records), c(s.bytes), c(s.payload_bytes);
    }
};
struct FindInLog {  // answer: LogPlace, the last border of records with at most `value` before it
    static constexpr Type kType = Type::find_in_log;
    std::string region;
    std::uint64_t log_id = 0;
    std::uint8_t by = 0;  ///< 0: records; 1: payload bytes
    std::uint64_t value = 0;
    static void fields(auto& s, auto& c) { c(s.region), c(s.log_id), c(s.by), c(s.value); }
};
struct LogPlace {
    std::uint64_t bytes = 0, payload_bytes = 0;  ///< before it
    std::uint64_t sequence = 0, epoch = 0;       ///< of the record that ends there; 0: the log's start
    std::uint32_t term = 0;
    static void fields(auto& s, auto& c) {
        c(s.bytes), c(s.payload_bytes), c(s.sequence), c(s.epoch), c(s.term);
    }
};
struct LogHint {  // answer: Empty: records were appended, so that who waits is told at once
    static constexpr Type kType = Type::log_hint;
    std::string region;
    static void fields(auto& s, auto& c) { c(s.region); }
};
struct Goodbye {  // answer: Empty: the end of the connection that follows is meant
    static constexpr Type kType = Type::goodbye;
    static void fields(auto&, auto&) {}
};
struct StatusRequest {  // answer: PoolStatus, of the session's pool
    static constexpr Type kType = Type::status;
    static void fields(auto&, auto&) {}
};
struct PoolStatus {
    std::string name;
    Uuid uuid{};
    std::uint64_t size = 0, page_size = 0, pages = 0, free_pages = 0, regions = 0, generations = 0;
    std::uint8_t durability = 0;
    static void fields(auto& s, auto& c) {
        c(s.name), c(s.uuid), c(s.size), c(s.page_size), c(s.pages), c(s.free_pages), c(s.regions),
            c(s.generations), c(s.durability);
    }
};

/// Header and body as they go onto the wire.
std::vector<std::byte> encode_raw(std::uint16_t type, std::uint64_t request_id, Encoder&& body);

template <class Request>
std::vector<std::byte> encode_request(std::uint64_t request_id, const Request& request) {
    Encoder body;
    body(request);
    return encode_raw(static_cast<std::uint16_t>(Request::kType), request_id, std::move(body));
}
template <class Kind, class Answer>
std::vector<std::byte> encode_answer(Kind to, std::uint64_t request_id, const Answer& answer) {
    Encoder body;
    body(answer);
    return encode_raw(static_cast<std::uint16_t>(static_cast<std::uint16_t>(to) | kAnswer), request_id,
                      std::move(body));
}

struct Message {
    Header header;
    std::span<const std::byte> body;
};
/// EPROTO when it is shorter than its header says or longer; EPROTONOSUPPORT for another version.
Result<Message> parse_message(std::span<const std::byte> bytes);

/// EPROTO when the body is cut short or has bytes left over.
template <class Body>
Result<Body> decode_body(std::span<const std::byte> bytes) {
    Decoder decoder(bytes);
    Body body;
    decoder(body);
    if (!decoder.good() || !decoder.at_end())
        return fail(EPROTO, "a control message's body of {} bytes is {}", bytes.size(),
                    decoder.good() ? "longer than its type allows" : "cut short");
    return body;
}

}  // namespace pmemckpt::wire
