#include "settings.hpp"

#include <cctype>
#include <charconv>
#include <cstdlib>

namespace driver {

namespace {

struct Row {
  std::string_view name;
  std::uint64_t Settings::*field;
};

constexpr Row ROWS[] = {
    {"devices", &Settings::devices},
    {"memory", &Settings::memory},
    {"capability", &Settings::capability},
    {"multiprocessors", &Settings::multiprocessors},
    {"driverVersion", &Settings::driverVersion},
    {"pools", &Settings::pools},
    {"random", &Settings::random},
    {"seed", &Settings::seed},
    {"residentBlocks", &Settings::residentBlocks},
    {"deferred", &Settings::deferred},
    {"spinLimit", &Settings::spinLimit},
    {"failInit", &Settings::failInit},
    {"failAllocation", &Settings::failAllocation},
    {"failAllocations", &Settings::failAllocations},
    {"failLaunch", &Settings::failLaunch},
    {"failLaunchResult", &Settings::failLaunchResult},
    {"failModule", &Settings::failModule},
    {"failRecord", &Settings::failRecord},
    {"failQuery", &Settings::failQuery},
    {"failCall", &Settings::failCall},
    {"failCallResult", &Settings::failCallResult},
    {"stickyLaunch", &Settings::stickyLaunch},
    {"loseDevice", &Settings::loseDevice},
    {"keeps", &Settings::keeps},
    {"peers", &Settings::peers},
    {"failPeer", &Settings::failPeer},
    {"failPeerCopy", &Settings::failPeerCopy},
    {"log", &Settings::log},
};

/// 512, 512K, 16M, 4G, true, false.
bool parseNumber(std::string_view text, std::uint64_t& value) {
  if (text == "true" || text == "false") {
    value = text == "true";
    return true;
  }
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return false;
  const std::string_view unit(stop, static_cast<std::size_t>(text.data() + text.size() - stop));
  const unsigned shift = unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : 0;
  value <<= shift;
  return unit.empty() || shift > 0;
}

std::string environmentName(std::string_view name) {
  std::string out = "DOTCOMPUTE_TEST_CUDA_";
  for (const char c : name) {
    if (std::isupper(static_cast<unsigned char>(c))) out += '_';
    out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

bool isPart(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

}  // namespace

Settings settingsFromEnvironment() {
  Settings settings;
  for (const Row& row : ROWS) {
    const char* text = std::getenv(environmentName(row.name).c_str());
    std::uint64_t value = 0;
    if (text && parseNumber(text, value)) settings.*row.field = value;
  }
  return settings;
}

std::string change(Settings& settings, std::string_view text, std::vector<std::string_view>& changed) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && isPart(text[end])) end++;
    if (end > at) words.push_back(text.substr(at, end - at));
    at = std::max(end, at + 1);
  }
  if (words.size() % 2) return "A setting without a value: " + std::string(words.back());
  for (std::size_t i = 0; i < words.size(); i += 2) {
    const Row* found = nullptr;
    for (const Row& row : ROWS)
      if (row.name == words[i]) found = &row;
    if (!found) return "There is no setting named " + std::string(words[i]);
    if (!parseNumber(words[i + 1], settings.*found->field)) return "Not a number: " + std::string(words[i + 1]);
    changed.push_back(found->name);
  }
  return settings.devices > 3 ? "There are at most 3 devices" : "";
}

}  // namespace driver
