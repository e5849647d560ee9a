// pmemckpt-ctl cursor, cursor-advance, cursor-drop: how far named backups have read.
#include "lib/pool/pool.hh"
#include "utils/pmemckpt-ctl/commands.hh"
#include "utils/pmemckpt-ctl/json.hh"
#include "utils/pmemckpt-ctl/text.hh"

namespace pmemckpt::ctl {

namespace {

constexpr auto kRight = Table::Align::right;

std::string table_of(const std::vector<wire::Cursor>& cursors) {
    Table table({{"NAME"}, {"GENERATION", kRight}, {"SEQUENCE", kRight}});
    for (const auto& cursor : cursors)
        table.add({cursor.name, std::to_string(cursor.generation), std::to_string(cursor.sequence)});
    return table.text();
}

}  // namespace

Status cursors(const Common& common, const Cursors& request) {
    TRY(pool::check_region_name(request.region));
    const auto client = TRY(client::Client::connect(common.connection));
    if (request.name.empty()) {
        const auto all = TRY(client->cursors(request.region));
        return print(common.json ? cursors_json(request.region, all) : table_of(all));
    }
    const auto one = TRY(client->cursor(request.region, request.name));
    return print(common.json ? cursor_json(request.region, one) : table_of({one}));
}

Status cursor_advance(const Common& common, const CursorAdvance& request) {
    TRY(pool::check_region_name(request.region));
    const auto client = TRY(client::Client::connect(common.connection));
    const wire::Cursor cursor{request.name, request.generation, request.sequence};
    TRY(client->advance_cursor(request.region, cursor));
    if (common.json)
        return print(cursor_json(request.region, cursor));
    return print(fmt::format("{} of {} has read up to generation {} and {} of its log\n", cursor.name,
                             request.region, cursor.generation, plural(cursor.sequence, "record")));
}

Status cursor_drop(const Common& common, const CursorDrop& request) {
    TRY(pool::check_region_name(request.region));
    const auto client = TRY(client::Client::connect(common.connection));
    const auto cursor = TRY(client->cursor(request.region, request.name));
    TRY(client->drop_cursor(request.region, request.name));
    if (common.json)
        return print(cursor_json(request.region, cursor));
    return print(
        fmt::format("{} of {} dropped: under this name nothing is read\n", request.name, request.region));
}

}  // namespace pmemckpt::ctl
