// A process of the pair: it stands by, takes over, serves.
#include <fstream>
#include <iostream>

#include "utils/examples/process_pair/primary.hh"
#include "utils/examples/process_pair/service.hh"

namespace process_pair {

namespace {

using Clock = std::chrono::steady_clock;

std::int64_t milliseconds_since(Clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
}

/// Until there is no primary, and says why. Empty: it was told to end.
std::string stand_by(const Member& member, Service& service, Backup& backup) {
    std::cerr << member.name << ": standing by for region " << member.region << '\n';
    for (;;) {
        if (const auto why = backup.loss())
            return *why;
        for (const auto& request : service.wait(backup.look_period()))
            service.answer(request.connection, "backup");
        if (service.is_told_to_end())
            return {};
    }
}

/// Answers leave together, when all that they tell of is durable.
void answer(Service& service, Primary& primary, const std::vector<Request>& requests) {
    std::vector<std::string> lines;
    for (const auto& request : requests)
        lines.push_back(request.line);
    const auto answers = primary.answer(lines);
    for (std::size_t at = 0; at < requests.size(); ++at)
        service.answer(requests[at].connection, answers[at]);
    primary.seal_when_due();
}

void serve_as(Primary& primary, const Member& member, Service& service) {
    auto shown = Clock::now();
    while (!service.is_told_to_end()) {
        const auto requests = service.wait(member.alive_period());
        if (requests.empty() && Clock::now() - shown < member.alive_period())
            continue;
        answer(service, primary, requests);
        shown = Clock::now();
    }
}

void write_address(const Member& member, const Service& service) {
    if (member.address_file.empty())
        return;
    std::ofstream file(member.address_file + ".new", std::ios::trunc);
    file << service.address() << '\n';
    file.close();
    if (!file || std::rename((member.address_file + ".new").c_str(), member.address_file.c_str()) != 0)
        throw std::runtime_error("can't write " + member.address_file);
}

}  // namespace

void serve(const Member& member) {
    Service service(parse_address(member.listen));
    write_address(member, service);
    std::optional<Backup> backup(std::in_place, member, [&service] { service.wake(); });
    const auto why = stand_by(member, service, *backup);
    if (why.empty())
        return;
    const auto start = Clock::now();
    Primary primary(member, backup->take_over());
    backup.reset();
    std::cerr << member.name << ": no primary: " << why << "; taken over in " << milliseconds_since(start)
              << " ms: epoch " << primary.epoch() << ", " << primary.transfers()
              << " transfers done, serving at " << service.address() << '\n';
    serve_as(primary, member, service);
    std::cerr << member.name << ": told to end, after " << primary.transfers() << " transfers\n";
}

}  // namespace process_pair
