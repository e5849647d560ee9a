// What writers and readers tell. The audits are in region_audit.cc.
#include "tests/soak/region_oracle.hh"

#include <algorithm>

#include "tests/soak/failure.hh"

namespace soak {

namespace {

const std::set<std::string> kBeginnings = {"sealing",  "appending", "clearing", "destroying",
                                           "creating", "keeping",   "pinning",  "taking"};

}  // namespace

bool RegionOracle::is_beginning(const std::string& verb) {
    return kBeginnings.count(verb) != 0;
}

void RegionOracle::may_keep(Life& life, std::uint64_t keep) {
    life.least_keep = life.least_keep == 0 ? keep : std::min(life.least_keep, keep);
    life.most_keep = std::max(life.most_keep, keep);
}

void RegionOracle::begin(const Writer& writer, const Line& line) {
    auto& of = lives_[line[0]];
    if (line.verb == "sealing" && !writer.fence)
        of.sealing.push_back({writer.id, {line[1], line[2]}});
    else if (line.verb == "appending" && !writer.fence)
        of.logs[{line[2], line[1]}].begin(writer.id, line[3], {line[4], line[5]});
    else if (line.verb == "clearing")
        of.clearing = true;
    else if (line.verb == "destroying")
        of.destroying = true;
    else if (line.verb == "taking")
        ++of.takeovers_begun;
    else if (line.verb == "creating")
        of.creating = true, may_keep(of, line[1]);
    else if (line.verb == "keeping")
        may_keep(of, line[1]);
    else if (line.verb == "pinning" && of.sealed.count(line[1]) != 0)
        of.sealed[line[1]].pin_in_doubt = of.sealed[line[1]].was_pinned = true;
}

void RegionOracle::tell(Writer& writer, const Line& line) {
    if (line.verb == "sealed")
        tell_sealed(writer, line);
    else if (line.verb == "answered")
        tell_answered(writer, line);
    else if (line.verb == "taken")
        tell_taken(writer, line);
    else if (line.verb == "recovered")
        tell_recovered(writer, line);
    else if (line.verb == "pinned")
        tell_pinned(line);
    else if (line.verb == "cursor")
        tell_cursor(line);
    else if (line.verb == "dropping")
        lives_[line[0]].cursors.erase(line.text);
    else
        tell_change(line);
    if (line.verb == "created")
        writer.first_epoch = writer.last_epoch = lives_[line[0]].epoch;
}

void RegionOracle::tell_change(const Line& line) {
    auto& of = lives_[line[0]];
    if (line.verb == "cleared") {
        of.clearing = false;
        ++of.clears;
        of.sealed.clear();
        of.numbers.clear();
        ++counts_.clears;
    } else if (line.verb == "destroyed") {
        of.destroyed = true;
        life_number_ = line[0] + 1;
        lives_[life_number_];
    } else if (line.verb == "created") {
        of.created = true;
        ++counts_.remakes;
    } else if (line.verb == "kept") {
        ++counts_.retentions;
    }
}

void RegionOracle::add(Life& of, std::uint64_t number, const Content& content, std::uint64_t epoch) {
    of.sealed[number] = {content, epoch};
    of.numbers.insert(number);
    of.highest = std::max(of.highest, number);
    was_there_[number].push_back(content);
}

void RegionOracle::tell_sealed(const Writer& writer, const Line& line) {
    auto& of = lives_[line[0]];
    const auto number = line[1];
    const Content content{line[2], line[3]};
    const auto epoch = line[4];
    ++counts_.sealed;
    if (writer.fence && number > writer.fence->newest)
        fail("{}: writer {} was fenced when generation {} was the newest, and was told that it sealed {}",
             name_, writer.id, writer.fence->newest, number);
    if (epoch < writer.first_epoch || epoch > writer.last_epoch)
        fail("{}@{} was sealed in epoch {}; its writer is of {} to {}", name_, number, epoch,
             writer.first_epoch, writer.last_epoch);
    const auto begun = std::find_if(of.sealing.begin(), of.sealing.end(), [&](const Sealing& sealing) {
        return sealing.writer == writer.id && sealing.content == content;
    });
    if (begun != of.sealing.end())
        of.sealing.erase(begun);  // the next one may have the same content
    const auto known = of.sealed.find(number);
    if (known != of.sealed.end() && known->second.content != content)
        fail("{}@{} was read with other bytes than its writer has sealed, or its number was given twice",
             name_, number);
    if (known == of.sealed.end())
        add(of, number, content, epoch);
}

void RegionOracle::tell_answered(const Writer& writer, const Line& line) {
    auto& of = lives_[line[0]];
    const auto generation = line[2];
    const auto sequence = line[3];
    auto& book = of.logs[{generation, line[1]}];
    const auto before = book.certain();
    if (writer.fence && (generation > writer.fence->newest ||
                         (generation == writer.fence->newest && sequence > writer.fence->records)))
        fail(
            "{}: writer {} was fenced at generation {} with {} records, and record {} behind {} was answered",
            name_, writer.id, writer.fence->newest, writer.fence->records, sequence, generation);
    if (!book.answer(writer.id, sequence))
        fail("{}: record {} behind generation {} was answered, and its writer has not begun it", name_,
             sequence, generation);
    counts_.answered += sequence - std::min(before, sequence);
}

void RegionOracle::tell_taken(Writer& writer, const Line& line) {
    auto& of = lives_[line[0]];
    const auto epoch = line[1];
    const auto previous = line[2];
    const auto last_possible = of.epoch + of.takeovers_begun - 1;
    if (previous < of.epoch || previous > last_possible || epoch <= previous)
        fail("{} was taken over from epoch {} to {}; it should have been in {} to {}", name_, previous, epoch,
             of.epoch, last_possible);
    of.epoch = epoch;
    of.takeovers_begun = 0;
    writer.first_epoch = writer.last_epoch = epoch;
    writer.taken = {line[3], line[4]};
    ++counts_.takeovers;
}

void RegionOracle::tell_recovered(Writer& writer, const Line& line) {
    const auto number = line[1];
    const auto generation = line[2];
    const auto records = line[3];
    const auto now = line[4];
    if (number < writer.newest)
        fail("{}: generation {} was reported, and the newest is {}", name_, writer.newest, number);
    if (now == number && number == writer.newest && records < writer.records)
        fail("{}: {} records behind generation {} were answered, and {} are there", name_, writer.records,
             number, records);
    if (now == number && generation != number)
        fail("{}: the log behind generation {} says that it follows {}", name_, number, generation);
    if (writer.taken && (number != writer.taken->newest || records != writer.taken->records || now != number))
        fail("{}: its taker was told of generation {} and {} records, and found {} and {}; then {}", name_,
             writer.taken->newest, writer.taken->records, number, records, now);
}

void RegionOracle::tell_pinned(const Line& line) {
    ++counts_.pins;
    const auto found = lives_[line[0]].sealed.find(line[1]);
    if (found == lives_[line[0]].sealed.end())
        fail("{}@{} was pinned or unpinned, and nobody has reported it", name_, line[1]);
    found->second.pin_in_doubt = false;
    found->second.pinned = line[2] != 0;
    found->second.was_pinned = true;
}

bool RegionOracle::may_move(const Life& of, const Cursor& from, const Cursor& to) const {
    return to >= from || (to.first == 0 && (of.clears != 0 || of.clearing));
}

void RegionOracle::tell_cursor(const Line& line) {
    if (line[0] != life_number_)
        return;
    const Cursor now{line[2], line[3]};
    auto& known = life().cursors[line.text];
    if (!may_move(life(), known, now))
        fail("{}: cursor {} was at generation {}, record {}, and is at {}, {}", name_, line.text, known.first,
             known.second, now.first, now.second);
    known = now;
}

/// Somebody has begun to seal that, and was killed, or has not reported it yet.
bool RegionOracle::take_sealing(Life& of, std::uint64_t number, const Content& content, std::uint64_t epoch) {
    const auto found = std::find_if(of.sealing.begin(), of.sealing.end(),
                                    [&](const Sealing& sealing) { return sealing.content == content; });
    if (found == of.sealing.end() || of.numbers.count(number) != 0)
        return false;
    of.sealing.erase(found);
    add(of, number, content, epoch);
    ++counts_.in_flight_seals;
    return true;
}

void RegionOracle::generation_read(std::uint64_t number, const Content& content, std::uint64_t epoch) {
    ++counts_.generations_read;
    const auto& known = was_there_[number];
    if (std::find(known.begin(), known.end(), content) != known.end())
        return;
    for (auto& [number_of_life, of] : lives_)
        if (take_sealing(of, number, content, epoch))
            return;
    if (!was_before(number, content))
        fail("{}@{} was read with {} bytes, hash {:016x}, which nobody has sealed under that number", name_,
             number, content.size, content.hash);
}

bool RegionOracle::was_before(std::uint64_t number, const Content& content) const {
    const auto is_content = [&content](const Sealing& sealing) { return sealing.content == content; };
    for (const auto& past : past_) {
        const auto known = past.was_there.find(number);
        if (known != past.was_there.end() &&
            std::find(known->second.begin(), known->second.end(), content) != known->second.end())
            return true;
        for (const auto& [life_number, of] : past.lives)
            if (std::any_of(of.sealing.begin(), of.sealing.end(), is_content))
                return true;
    }
    return false;
}

bool RegionOracle::any_book(std::map<std::uint64_t, Life>& lives, std::uint64_t generation,
                            const BookTest& test) {
    for (auto& [number, of] : lives)
        for (auto& [key, book] : of.logs)
            if (key.first == generation && test(book))
                return true;
    return false;
}

bool RegionOracle::any_book_ever(std::uint64_t generation, const BookTest& test) {
    return any_book(lives_, generation, test) || std::any_of(past_.begin(), past_.end(), [&](Past& past) {
               return any_book(past.lives, generation, test);
           });
}

void RegionOracle::record_read(std::uint64_t generation, std::uint64_t sequence, const Content& content) {
    ++counts_.records_read;
    if (!any_book(lives_, generation, [&](LogBook& book) { return book.see(sequence, content); }))
        fail(
            "{}: record {} behind generation {} was read with {} bytes, hash {:016x}, which nobody has "
            "appended there",
            name_, sequence, generation, content.size, content.hash);
}

void RegionOracle::log_read(std::uint64_t generation, std::uint64_t count, std::uint64_t chain) {
    counts_.records_read += count;
    if (count != 0 && !any_book_ever(generation, [&](LogBook& book) { return book.see_chain(count, chain); }))
        fail("{}: the file of the log behind generation {} has {} records that were not appended so", name_,
             generation, count);
}

void RegionOracle::unread_read(std::uint64_t generation, std::uint64_t count, std::uint64_t sum) {
    counts_.records_read += count;
    if (count != 0 && !any_book_ever(generation, [&](LogBook& book) { return book.has_run(count, sum); }))
        fail("{}: {} unread records behind generation {} were not appended there one after the other", name_,
             count, generation);
}

std::pair<std::uint64_t, LogBook*> RegionOracle::log_now() {
    const auto generation = newest();
    return {generation, &life().logs[{generation, life().clears}]};
}

std::uint64_t RegionOracle::newest() const {
    return life().sealed.empty() ? 0 : life().sealed.rbegin()->first;
}

std::uint64_t RegionOracle::certain_records() const {
    const auto found = life().logs.find({newest(), life().clears});
    return found == life().logs.end() ? 0 : found->second.certain();
}

std::optional<Cursor> RegionOracle::cursor(const std::string& name) const {
    const auto found = life().cursors.find(name);
    if (found == life().cursors.end())
        return std::nullopt;
    return found->second;
}

void RegionOracle::expect(Writer& writer) const {
    writer.newest = newest();
    writer.records = certain_records();
    writer.first_epoch = life().epoch;
    writer.last_epoch = life().epoch + life().takeovers_begun;
}

void RegionOracle::fence(Writer& old, const Writer& taker) {
    old.fence = taker.taken;
    for (auto& [key, book] : life().logs)
        if (key.second == life().clears && key.first >= taker.taken->newest)
            book.forget_beyond(old.id, key.first == taker.taken->newest ? taker.taken->records : 0);
}

void RegionOracle::forget(const Writer& writer) {
    for (auto& [number, of] : lives_)
        std::erase_if(of.sealing, [&](const Sealing& sealing) { return sealing.writer == writer.id; });
}

bool RegionOracle::is_unsettled() const {
    const auto& now = life();
    const bool pin = std::any_of(now.sealed.begin(), now.sealed.end(),
                                 [](const auto& entry) { return entry.second.pin_in_doubt; });
    return now.clearing || (now.destroying && !now.destroyed) || (now.creating && !now.created) || pin;
}

}  // namespace soak
