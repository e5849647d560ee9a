#include "utils/examples/ledger_batch/batch.hh"

#include <chrono>
#include <iostream>
#include <stdexcept>
#include <thread>

namespace ledger_batch {

namespace {

/// One session for each file; any numbers would do, but they must be the same at each start.
enum Session : std::uint64_t { kInput = 1, kMaster = 2, kReport = 3 };

constexpr std::size_t kPiece = 4096;  // of the input, which is read at once
constexpr std::size_t kLongestLine = 1024;

std::int64_t place_in_file(std::uint64_t record) {
    return static_cast<std::int64_t>(record * kRecordBytes);
}

}  // namespace

void tell(const std::string& sentence) {
    std::cerr << "ledger_batch: " + sentence + "\n";  // in one piece
}

Batch::Batch(const Settings& settings, std::uint64_t& newest)
    : settings_(settings),
      newest_(newest),
      job_(start()),
      input_(job_.open_files(settings.transactions.service, kInput)),
      master_(job_.open_files(settings.master.service, kMaster)),
      report_(job_.open_files(settings.report.service, kReport)) {}

/// Whatever any of the programs did since the newest sync point is undone: nobody knows how far it came.
sync::Coordinator Batch::start() {
    sync::Coordinator job({settings_.job, settings_.services(), {}, {}, settings_.timeout_ms},
                          {[this](std::uint64_t, sync::Sink& sink) { save(sink); },
                           [this](std::uint64_t, sync::Source& source) { restore(source); }});
    if (job.newest()) {
        newest_ = job.roll_back();
        tell("back at sync point " + std::to_string(newest_) + ": " + std::to_string(ledger_.transactions) +
             " transactions");
    } else {
        take_sync_point(job);  // before anything is changed: so there is one to go back to
    }
    return job;
}

void Batch::save(sync::Sink& sink) const {
    const auto text = ledger_.text();
    sink.write(text.data(), text.size());
}

void Batch::restore(sync::Source& source) {
    std::string text;
    char piece[kPiece];
    for (std::size_t count; (count = source.read(piece, sizeof piece)) != 0;)
        text.append(piece, count);
    ledger_ = Ledger::from_text(text);
}

void Batch::take_sync_point(sync::Coordinator& job) {
    newest_ = job.take_sync_point();
    tell("sync point " + std::to_string(newest_) + ": " + std::to_string(ledger_.transactions) +
         " transactions");
}

void Batch::run() {
    if (ledger_.phase == Ledger::Phase::nothing_done)
        open_files();
    for (std::string line; ledger_.phase == Ledger::Phase::at_work && next_line(line);) {
        apply(line);
        if (ledger_.transactions % settings_.every == 0)
            take_sync_point(job_);
        std::this_thread::sleep_for(std::chrono::microseconds(settings_.pause_us));
    }
    if (ledger_.phase == Ledger::Phase::at_work)
        finish();
    tell("done: " + std::to_string(ledger_.transactions) + " transactions, " +
         std::to_string(ledger_.accounts.size()) + " accounts");
}

/// Once in a job. They are open, at their places, after each rollback to a later sync point; after one to the
/// first, the master file and the report are not there again.
void Batch::open_files() {
    constexpr std::uint32_t kNew = PMEMCKPT_FILE_WRITE | PMEMCKPT_FILE_CREATE | PMEMCKPT_FILE_EXCLUSIVE;
    ledger_.input = input_.open(settings_.transactions.path, PMEMCKPT_FILE_READ);
    ledger_.master = master_.open(settings_.master.path, PMEMCKPT_FILE_READ | kNew);
    ledger_.report = report_.open(settings_.report.path, kNew);
    ledger_.phase = Ledger::Phase::at_work;
}

/// False at the end. The service is ahead of us by what is unread here: so that is in our state.
bool Batch::next_line(std::string& line) {
    auto end = ledger_.unread.find('\n');
    while (end == std::string::npos) {
        char piece[kPiece];
        const auto count = input_.read(ledger_.input, piece, sizeof piece);
        if (count == 0 && ledger_.unread.empty())
            return false;
        if (count == 0 || ledger_.unread.size() > kLongestLine)
            throw std::invalid_argument(settings_.transactions.path + ": after " +
                                        std::to_string(ledger_.transactions) +
                                        " lines comes one that has no end");
        ledger_.unread.append(piece, count);
        end = ledger_.unread.find('\n');
    }
    line = ledger_.unread.substr(0, end);
    ledger_.unread.erase(0, end + 1);
    return true;
}

void Batch::apply(const std::string& line) {
    const auto transaction = parse_transaction(line);
    if (!transaction)
        throw std::invalid_argument(settings_.transactions.path + ", line " +
                                    std::to_string(ledger_.transactions + 1) + ": \"" + line.substr(0, 80) +
                                    "\" is no transaction, ACCOUNT AMOUNT");
    const auto& [account, amount] = *transaction;
    const auto place = ledger_.place_of(account);
    auto record = place.is_new ? Record{account} : read_record(place.record, account);
    record.balance = sum(record.balance, amount);
    ++record.transactions;
    write_record(place.record, record);
    ledger_.count(amount);
    const auto text = report_line(ledger_.transactions, *transaction, record.balance);
    report_.write(ledger_.report, text.data(), text.size());
}

Record Batch::read_record(std::uint64_t number, const std::string& account) {
    std::string text(kRecordBytes, ' ');
    master_.seek(ledger_.master, place_in_file(number));
    text.resize(master_.read(ledger_.master, text.data(), text.size()));
    const auto record = parse_record(text);
    if (record.account != account)
        throw Damaged("record " + std::to_string(number) + " of " + settings_.master.path + " is of " +
                      record.account + ", not of " + account + ": somebody else has changed it");
    return record;
}

/// A new one is at the end of the file.
void Batch::write_record(std::uint64_t number, const Record& record) {
    const auto text = text_of(record);
    master_.seek(ledger_.master, place_in_file(number));
    master_.write(ledger_.master, text.data(), text.size());
}

/// What is closed after a sync point would be open again after a rollback: so it is closed before the last
/// one, which says that all is done.
void Batch::finish() {
    const auto text = report_end(ledger_);
    report_.write(ledger_.report, text.data(), text.size());
    input_.close(ledger_.input);
    master_.close(ledger_.master);
    report_.close(ledger_.report);
    ledger_.phase = Ledger::Phase::done;
    take_sync_point(job_);
}

}  // namespace ledger_batch
