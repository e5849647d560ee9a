#include "utils/examples/process_pair/primary.hh"

#include "utils/examples/process_pair/protocol.hh"

namespace process_pair {

Primary::Primary(const Member& member, Inheritance inheritance)
    : member_(member), inheritance_(std::move(inheritance)) {
    if (inheritance_.bank)
        return;
    inheritance_.bank.emplace(member_.accounts, member_.opening_balance);
    seal();
}

std::vector<std::string> Primary::answer(const std::vector<std::string>& requests) {
    std::vector<std::string> answers;
    for (const auto& request : requests)
        answers.push_back(answer_one(request));
    if (appended_ == 0)
        append({LogItem::Kind::alive, {}, {}});
    inheritance_.log.flush();  // who was fenced does not come past this line, whatever it wanted to answer
    appended_ = 0;
    return answers;
}

std::string Primary::answer_one(const std::string& request) {
    if (request == "ping")
        return "pong " + std::to_string(epoch());
    if (const auto transfer = parse_transfer(request))
        return do_transfer(*transfer);
    return "error a request is \"transfer CLIENT NUMBER FROM TO AMOUNT\" or \"ping\"";
}

// A client asks again when it got no answer: whoever was the primary then, and whether that one had done it
// or not.
std::string Primary::do_transfer(const Transfer& transfer) {
    const auto last = bank().last_of(transfer.client);
    if (last && transfer.number < last->number)
        return "superseded " + std::to_string(transfer.number);
    if (last && transfer.number == last->number)
        return to_line(Answer{transfer.number, last->result, epoch()});
    if (const auto why = bank().objection(transfer); !why.empty())
        return "error " + why;
    const auto entry = bank().execute(transfer);
    append({LogItem::Kind::transfer, {}, entry});
    return to_line(Answer{transfer.number, entry.result, epoch()});
}

void Primary::append(const LogItem& item) {
    const auto bytes = encode(item);
    inheritance_.log.append(bytes.data(), bytes.size());
    ++appended_;
}

void Primary::seal_when_due() {
    if (bank().transfers() - inheritance_.sealed_transfers >= member_.seal_every)
        seal();
}

void Primary::seal() {
    const auto bytes = bank().encode();
    auto writer = inheritance_.client.begin(member_.region, bytes.size());
    writer.write(0, bytes.data(), bytes.size());
    writer.seal();
    inheritance_.sealed_transfers = bank().transfers();
    inheritance_.log = inheritance_.client.open_log(member_.region);
    append({LogItem::Kind::opened, member_.name, {}});
}

}  // namespace process_pair
