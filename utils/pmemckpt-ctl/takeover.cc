// pmemckpt-ctl take-over: the region has a new primary from here on; the one before is fenced.
#include "lib/pool/pool.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/json.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

std::string summary(const wire::TakenOver& taken) {
    auto text = fmt::format("{} taken over: epoch {}, was {}; ", taken.region.name, taken.region.epoch,
                            taken.previous_epoch);
    text += taken.newest.number > 0 ? fmt::format("newest generation {}", taken.newest.number)
                                    : std::string("no generation yet");
    if (taken.region.log_id != 0)
        text += fmt::format(", log of {}", plural(taken.region.log_records, "record"));
    if (!taken.cursor.name.empty())
        text += fmt::format("; {} has read up to generation {} and {}", taken.cursor.name,
                            taken.cursor.generation, plural(taken.cursor.sequence, "record"));
    return text + "\n";
}

}  // namespace

Status take_over(const Common& common, const TakeOver& request) {
    TRY(pool::check_region_name(request.region));
    const auto client = TRY(client::Client::connect(common.connection));
    auto taken = TRY(client->take_over(request.region, request.cursor));
    if (taken.cursor.name.empty())
        taken.cursor.name = request.cursor;  // of a name never seen: zeros
    return print(common.json ? taken_over_json(taken) : summary(taken));
}

}  // namespace pmemckpt::ctl
