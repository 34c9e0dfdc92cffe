// The test of image_filters: "make FILE" draws a picture, "check PREFIX" looks whether the filters saw what is in it.
//
// The left half is flat. The right half has stripes one Gabor wavelength apart, upright above, lying below.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

constexpr int height = 96, width = 128, orientations = 8, wavelength = 8;

int stripe(int position) { return position % wavelength < wavelength / 2 ? 250 : 5; }

bool make(const char* path) {
  std::ofstream file(path, std::ios::binary);
  file << "P6\n# a comment\n" << width << ' ' << height << "\n255\n";
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      const int value = x < width / 2 ? 128 : stripe(y < height / 2 ? x : y);
      for (int channel = 0; channel < 3; ++channel) file.put(static_cast<char>(value));
    }
  return static_cast<bool>(file);
}

struct Picture {
  int height = 0, width = 0;
  std::vector<int> pixels;
  [[nodiscard]] int at(int y, int x) const { return pixels[static_cast<std::size_t>(y * width + x)]; }
};

Picture read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string kind;
  int largest = 0;
  Picture picture;
  file >> kind >> picture.width >> picture.height >> largest;
  file.get();
  for (int i = 0; i < picture.width * picture.height; ++i) picture.pixels.push_back(file.get());
  if (!file || kind != "P5") picture = {};
  return picture;
}

int failures = 0;
void expect(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "does not hold: %s\n", what);
}

// The brightest response of each orientation in a part of the picture; which one is brightest?
int best_orientation(const Picture& gabor, int first_row, int last_row) {
  int best = -1;
  int brightest = -1;
  for (int i = 0; i < orientations; ++i)
    for (int y = first_row; y < last_row; ++y)
      for (int x = width / 2 + 16; x < width - 16; ++x)
        if (gabor.at(i * height + y, x) > brightest) {
          brightest = gabor.at(i * height + y, x);
          best = i;
        }
  return best;
}

void check(const std::string& prefix) {
  const Picture edges = read(prefix + "_edges.pgm");
  const Picture gabor = read(prefix + "_gabor.pgm");
  expect(edges.height == height && edges.width == width, "edges are as large as the picture");
  expect(gabor.height == orientations * height && gabor.width == width, "one Gabor response for each orientation");
  if (failures > 0) return;

  bool flat = true;
  for (int y = 8; y < height - 8; ++y)
    for (int x = 8; x < width / 2 - 8; ++x) flat = flat && edges.at(y, x) == 0 && gabor.at(y, x) == 0;
  expect(flat, "nothing is seen where there is nothing");
  expect(edges.at(20, width / 2 + 19) > 200 && edges.at(20, width / 2 + 20) > 200, "an upright edge");
  expect(edges.at(75, width / 2 + 30) > 200 && edges.at(76, width / 2 + 30) > 200, "a lying edge");
  expect(edges.at(20, width / 2 + 18) < 20 && edges.at(74, width / 2 + 30) < 20, "the inside of a stripe");
  expect(best_orientation(gabor, 16, height / 2 - 16) == 0, "upright stripes are a wave along the row");
  expect(best_orientation(gabor, height / 2 + 16, height - 16) == orientations / 2,
         "lying stripes are a wave along the column");
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  if (std::strcmp(arguments[1], "make") == 0) return make(arguments[2]) ? 0 : 1;
  check(arguments[2]);
  return failures == 0 ? 0 : 1;
}
