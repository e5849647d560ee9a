#include "utils/pmemckpt-ctl/text.hh"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "lib/base/rights.hh"
#include "lib/media/medium.hh"

namespace pmemckpt::ctl {

namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr std::size_t kColumnGap = 2;

std::time_t whole_seconds(std::int64_t nanoseconds) {
    const auto down = nanoseconds % kNanoseconds < 0 ? 1 : 0;
    return nanoseconds / kNanoseconds - down;
}

std::string formatted(const std::tm& time, const char* format) {
    char text[64];
    return {text, std::strftime(text, sizeof text, format, &time)};
}

}  // namespace

std::string local_time(std::int64_t nanoseconds) {
    const auto seconds = whole_seconds(nanoseconds);
    std::tm time{};
    ::localtime_r(&seconds, &time);
    return formatted(time, "%Y-%m-%d %H:%M:%S");
}

std::string iso_time(std::int64_t nanoseconds) {
    const auto seconds = whole_seconds(nanoseconds);
    std::tm time{};
    ::gmtime_r(&seconds, &time);
    return fmt::format("{}.{:09}Z", formatted(time, "%Y-%m-%dT%H:%M:%S"),
                       nanoseconds - seconds * kNanoseconds);
}

std::string durability_name(std::uint8_t durability) {
    if (durability < static_cast<std::uint8_t>(media::Durability::page) ||
        durability > static_cast<std::uint8_t>(media::Durability::flush))
        return "unknown";
    return media::to_string(static_cast<media::Durability>(durability));
}

std::string rights_name(std::uint8_t rights) {
    return to_string(Rights::of_bits(rights).value_or(Rights()));
}

std::string crc32c_text(std::uint32_t crc32c) {
    return fmt::format("{:08x}", crc32c);
}

std::string plural(std::uint64_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add(std::vector<std::string> row) {
    require(row.size() == columns_.size(), "a row has a cell for each column");
    rows_.push_back(std::move(row));
}

std::string Table::line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) const {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const std::string padding(widths[i] - cells[i].size(), ' ');
        text += columns_[i].align == Align::right ? padding + cells[i] : cells[i] + padding;
        text.append(kColumnGap, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text + "\n";
}

std::string Table::text() const {
    std::vector<std::string> titles;
    for (const auto& column : columns_)
        titles.push_back(column.title);
    std::vector<std::size_t> widths(columns_.size());
    for (std::size_t i = 0; i < widths.size(); ++i) {
        widths[i] = titles[i].size();
        for (const auto& row : rows_)
            widths[i] = std::max(widths[i], row[i].size());
    }
    auto all = line(titles, widths);
    for (const auto& row : rows_)
        all += line(row, widths);
    return all;
}

Error write_error(int code, std::string_view name) {
    // Not EPIPE: its exit status would say that the manager was lost.
    if (code == EPIPE)
        return {ECANCELED, fmt::format("{} was closed by the program that read it", name)};
    return system_error(code, fmt::format("can't write to {}", name));
}

Status print(std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(STDOUT_FILENO, text.data(), text.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return tl::unexpected(write_error(errno, "standard output"));
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

}  // namespace pmemckpt::ctl
