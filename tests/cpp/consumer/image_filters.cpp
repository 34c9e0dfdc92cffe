// Filters a picture (PGM or PPM) with Sobel's kernels and a bank of Gabor kernels:
//
//   image_filters INPUT OUTPUT_PREFIX
//
// writes <prefix>_edges.pgm, the length of the gradient, and <prefix>_gabor.pgm, the responses of one Gabor kernel per
// orientation, one below the other.
#include <algorithm>
#include <cmath>
#include <convgrad/tensor.hpp>
#include <cstdio>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

namespace {

constexpr int orientations = 8;
constexpr int gabor_size = 15;
constexpr float wavelength = 8;  // pixels

struct Image {
  int height = 0;
  int width = 0;
  std::vector<float> pixels;  // 0 to 1
};

// A number of the header; comments run from # to the end of the line.
bool read_number(std::istream& file, int& number) {
  while (file >> std::ws && file.peek() == '#') file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  return static_cast<bool>(file >> number);
}

// Binary (P5, P6) or text (P2, P3); color becomes luminance.
bool read_image(const std::string& path, Image& image) {
  std::ifstream file(path, std::ios::binary);
  std::string kind;
  int largest = 0;
  file >> kind;
  const bool color = kind == "P3" || kind == "P6";
  const bool binary = kind == "P5" || kind == "P6";
  if (!(color || kind == "P2" || kind == "P5")) return false;
  if (!read_number(file, image.width) || !read_number(file, image.height) || !read_number(file, largest)) return false;
  if (image.width < 1 || image.height < 1 || image.width > 1 << 15 || image.height > 1 << 15) return false;
  if (largest < 1 || largest > 255) return false;
  file.get();  // the one blank before binary data
  const auto value = [&] {
    int number = 0;
    if (binary)
      number = file.get();
    else
      file >> number;
    return static_cast<float>(number) / static_cast<float>(largest);
  };
  image.pixels.resize(static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height));
  for (float& pixel : image.pixels) {
    pixel = value();
    if (color) {
      const float green = value();
      const float blue = value();
      pixel = 0.299F * pixel + 0.587F * green + 0.114F * blue;
    }
  }
  return static_cast<bool>(file);
}

bool write_image(const std::string& path, const Image& image) {
  const float brightest = std::max(1e-6F, *std::max_element(image.pixels.begin(), image.pixels.end()));
  std::ofstream file(path, std::ios::binary);
  file << "P5\n" << image.width << ' ' << image.height << "\n255\n";
  for (const float pixel : image.pixels)
    file.put(static_cast<char>(static_cast<unsigned char>(std::lround(255 * std::max(0.0F, pixel) / brightest))));
  return static_cast<bool>(file);
}

// K, one output channel per orientation: a wave under a bell, without a mean, so that flat areas give nothing.
std::vector<float> gabor_bank() {
  const float pi = std::acos(-1.0F);
  const float radius = gabor_size / 2;
  std::vector<float> bank;
  for (int i = 0; i < orientations; ++i) {
    const float angle = pi * static_cast<float>(i) / orientations;
    std::vector<float> kernel;
    float sum = 0;
    for (int row = 0; row < gabor_size; ++row)
      for (int column = 0; column < gabor_size; ++column) {
        const float x = static_cast<float>(column) - radius;
        const float y = static_cast<float>(row) - radius;
        const float along = x * std::cos(angle) + y * std::sin(angle);
        const float bell = std::exp(-(x * x + y * y) / (2 * wavelength));
        kernel.push_back(bell * std::cos(2 * pi * along / wavelength));
        sum += kernel.back();
      }
    for (float& weight : kernel) weight -= sum / (gabor_size * gabor_size);
    bank.insert(bank.end(), kernel.begin(), kernel.end());
  }
  return bank;
}

convgrad::Status filter(const Image& image, int kernels, int size, const std::vector<float>& bank,
                        std::vector<float>& responses) {
  convgrad::LayerOptions options;
  options.pad(size / 2);  // the result is as large as the picture
  responses.resize(image.pixels.size() * static_cast<std::size_t>(kernels));
  return convgrad::forward({image.pixels, {1, image.height, image.width}}, {bank, {kernels, 1, size, size}},
                           {responses, {kernels, image.height, image.width}}, options);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: %s INPUT OUTPUT_PREFIX\n", arguments[0]);
    return 2;
  }
  Image image;
  if (!read_image(arguments[1], image)) {
    std::fprintf(stderr, "%s: not a PGM or PPM picture of at most 8 bits\n", arguments[1]);
    return 1;
  }

  const std::vector<float> sobel{-1, 0,  1,  -2, 0, 2, -1, 0, 1,   // along a row
                                 -1, -2, -1, 0,  0, 0, 1,  2, 1};  // along a column
  std::vector<float> slopes;
  std::vector<float> waves;
  convgrad::Status status = filter(image, 2, 3, sobel, slopes);
  if (status.ok()) status = filter(image, orientations, gabor_size, gabor_bank(), waves);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.message());
    return 1;
  }

  Image edges{image.height, image.width, {}};
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    edges.pixels.push_back(std::hypot(slopes[i], slopes[image.pixels.size() + i]));
  const std::string prefix = arguments[2];
  const bool written = write_image(prefix + "_edges.pgm", edges) &&
                       write_image(prefix + "_gabor.pgm", {image.height * orientations, image.width, waves});
  if (!written) std::fprintf(stderr, "cannot write %s_*.pgm\n", arguments[2]);
  return written ? 0 : 1;
}
