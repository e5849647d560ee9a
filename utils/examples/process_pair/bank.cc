#include "utils/examples/process_pair/bank.hh"

#include "utils/examples/process_pair/bytes.hh"

namespace process_pair {

namespace {

// A generation, little-endian:
//      0  8  "bankpair"
//      8  4  version, 1
//     12  4  accounts
//     16  8  opening balance of each
//     24  8  transfers done
//     32  4  clients
//     36  4  0
//     40  8  balance, of each account
//        40  client, number, outcome (4), 0 (4), both balances: of each client, in the order of their numbers
constexpr std::string_view kMagic = "bankpair";
constexpr std::uint32_t kVersion = 1;

// A record of the log, little-endian: "bank", version (2), kind (2); then, if it is
//     opened    32  the name of who serves from here on
//     transfer  64  order, client, number, from (4), to (4), amount, outcome (4), 0 (4), both balances
//     alive      0
constexpr std::string_view kRecordMagic = "bank";
constexpr std::uint16_t kRecordVersion = 1;

void put(Packer& packer, const Result& result) {
    packer.put(static_cast<std::uint32_t>(result.outcome));
    packer.put(std::uint32_t{0});
    packer.put(result.from_balance);
    packer.put(result.to_balance);
}

Result get_result(Unpacker& unpacker) {
    Result result;
    result.outcome = static_cast<Outcome>(unpacker.get<std::uint32_t>());
    if (result.outcome != Outcome::done && result.outcome != Outcome::refused)
        throw WrongContent("there is no such outcome of a transfer");
    if (unpacker.get<std::uint32_t>() != 0)
        throw WrongContent("what has to be 0 is not");
    result.from_balance = unpacker.get<std::int64_t>();
    result.to_balance = unpacker.get<std::int64_t>();
    return result;
}

void put(Packer& packer, const Entry& entry) {
    packer.put(entry.order);
    packer.put(entry.transfer.client);
    packer.put(entry.transfer.number);
    packer.put(entry.transfer.from);
    packer.put(entry.transfer.to);
    packer.put(entry.transfer.amount);
    put(packer, entry.result);
}

Entry get_entry(Unpacker& unpacker) {
    Entry entry;
    entry.order = unpacker.get<std::uint64_t>();
    entry.transfer.client = unpacker.get<std::uint64_t>();
    entry.transfer.number = unpacker.get<std::uint64_t>();
    entry.transfer.from = unpacker.get<std::uint32_t>();
    entry.transfer.to = unpacker.get<std::uint32_t>();
    entry.transfer.amount = unpacker.get<std::uint64_t>();
    entry.result = get_result(unpacker);
    return entry;
}

}  // namespace

Bank::Bank(std::uint32_t accounts, std::int64_t opening_balance)
    : opening_balance_(opening_balance), balances_(accounts, opening_balance) {}

std::string Bank::objection(const Transfer& transfer) const {
    if (transfer.from >= balances_.size() || transfer.to >= balances_.size())
        return "there are accounts 0 to " + std::to_string(balances_.size() - 1);
    if (transfer.from == transfer.to)
        return "a transfer is between two accounts";
    if (transfer.amount == 0 || transfer.amount > kLargestAmount)
        return "an amount is from 1 to " + std::to_string(kLargestAmount);
    if (clients_.size() >= kMostClients && !clients_.contains(transfer.client))
        return "there are " + std::to_string(kMostClients) + " clients, and no more can be remembered";
    return {};
}

std::optional<Last> Bank::last_of(std::uint64_t client) const {
    const auto found = clients_.find(client);
    return found == clients_.end() ? std::nullopt : std::optional(found->second);
}

Entry Bank::execute(const Transfer& transfer) {
    auto& from = balances_.at(transfer.from);
    auto& to = balances_.at(transfer.to);
    const auto amount = static_cast<std::int64_t>(transfer.amount);
    const bool enough = from >= amount;
    if (enough) {
        from -= amount;
        to += amount;
    }
    const Result result{enough ? Outcome::done : Outcome::refused, from, to};
    clients_[transfer.client] = {transfer.number, result};
    return {++order_, transfer, result};
}

void Bank::replay(const Entry& entry) {
    const auto name = "transfer " + std::to_string(entry.order);
    if (entry.order != order_ + 1)
        throw WrongContent(name + " follows transfer " + std::to_string(order_));
    if (const auto why = objection(entry.transfer); !why.empty())
        throw WrongContent(name + " can't have been done: " + why);
    if (execute(entry.transfer) != entry)
        throw WrongContent(name + " came to something else when it was done first");
}

std::string Bank::encode() const {
    Packer packer;
    packer.put_text(kMagic, kMagic.size());
    packer.put(kVersion);
    packer.put(static_cast<std::uint32_t>(balances_.size()));
    packer.put(opening_balance_);
    packer.put(order_);
    packer.put(static_cast<std::uint32_t>(clients_.size()));
    packer.put(std::uint32_t{0});
    for (const auto balance : balances_)
        packer.put(balance);
    for (const auto& [client, last] : clients_) {
        packer.put(client);
        packer.put(last.number);
        put(packer, last.result);
    }
    return packer.bytes();
}

Bank Bank::decode(std::string_view bytes) {
    Unpacker unpacker(bytes);
    if (unpacker.get_text(kMagic.size()) != kMagic || unpacker.get<std::uint32_t>() != kVersion)
        throw WrongContent("it does not begin as a bank does");
    const auto accounts = unpacker.get<std::uint32_t>();
    const auto opening_balance = unpacker.get<std::int64_t>();
    if (accounts < 2 || accounts > kMostAccounts || opening_balance < 0 ||
        opening_balance > static_cast<std::int64_t>(kLargestAmount))
        throw WrongContent("no bank has such accounts");
    Bank bank(accounts, opening_balance);
    bank.order_ = unpacker.get<std::uint64_t>();
    const auto clients = unpacker.get<std::uint32_t>();
    if (clients > kMostClients || unpacker.get<std::uint32_t>() != 0)
        throw WrongContent("no bank has so many clients");
    for (auto& balance : bank.balances_)
        balance = unpacker.get<std::int64_t>();
    for (std::uint32_t count = 0; count < clients; ++count) {
        const auto client = unpacker.get<std::uint64_t>();
        const auto number = unpacker.get<std::uint64_t>();
        bank.clients_[client] = {number, get_result(unpacker)};
    }
    unpacker.expect_end();
    auto left = std::int64_t{accounts} * opening_balance;  // of all the money there is
    for (const auto balance : bank.balances_) {
        if (balance < 0 || balance > left)
            throw WrongContent("the balances don't add up to the money there is");
        left -= balance;
    }
    if (left != 0)
        throw WrongContent("the balances don't add up to the money there is");
    return bank;
}

std::string encode(const LogItem& item) {
    Packer packer;
    packer.put_text(kRecordMagic, kRecordMagic.size());
    packer.put(kRecordVersion);
    packer.put(static_cast<std::uint16_t>(item.kind));
    if (item.kind == LogItem::Kind::opened)
        packer.put_text(item.name, kNameBytes);
    if (item.kind == LogItem::Kind::transfer)
        put(packer, item.entry);
    return packer.bytes();
}

LogItem decode_log_item(std::string_view bytes) {
    Unpacker unpacker(bytes);
    if (unpacker.get_text(kRecordMagic.size()) != kRecordMagic ||
        unpacker.get<std::uint16_t>() != kRecordVersion)
        throw WrongContent("it does not begin as a record of a bank does");
    LogItem item;
    item.kind = static_cast<LogItem::Kind>(unpacker.get<std::uint16_t>());
    switch (item.kind) {
        case LogItem::Kind::opened: item.name = unpacker.get_text(kNameBytes); break;
        case LogItem::Kind::transfer: item.entry = get_entry(unpacker); break;
        case LogItem::Kind::alive: break;
        default: throw WrongContent("a bank has no records of that kind");
    }
    unpacker.expect_end();
    return item;
}

}  // namespace process_pair
