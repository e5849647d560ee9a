#include "tests/soak/settings.hh"

#include <stdexcept>

namespace soak {

Settings::Settings(int count, char** words) {
    for (int at = 0; at < count; ++at) {
        const std::string word = words[at];
        const auto equals = word.find('=');
        if (equals == std::string::npos)
            throw std::invalid_argument("\"" + word + "\" is not NAME=VALUE");
        set(word.substr(0, equals), word.substr(equals + 1));
    }
}

Settings& Settings::set(const std::string& name, const std::string& value) {
    values_[name] = value;
    return *this;
}

const std::string& Settings::text(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end())
        throw std::invalid_argument(name + "=... is missing");
    return found->second;
}

std::uint64_t Settings::number(const std::string& name) const {
    const auto& value = text(name);
    std::size_t used = 0;
    std::uint64_t number = 0;
    try {
        number = std::stoull(value, &used);
    } catch (const std::logic_error&) {
        used = 0;
    }
    if (used == 0 || used != value.size())
        throw std::invalid_argument(name + "=" + value + " is no number");
    return number;
}

std::vector<std::string> Settings::words() const {
    std::vector<std::string> words;
    for (const auto& [name, value] : values_)
        words.push_back(name + "=" + value);
    return words;
}

}  // namespace soak
