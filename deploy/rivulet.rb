# A Homebrew formula for Linux. scripts/release writes it into dist/ with the release's version and checksums; put that into a tap.
# On a Mac, build from a clone: `make build`.
class Rivulet < Formula
  desc "Self-hosted AI chat whose replies are never lost"
  homepage "@HOME@"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on :linux

  on_intel do
    url "@URL@/rivulet-@VERSION@-x86_64-linux.tar.gz"
    sha256 "@SHA256_X86_64@"
  end

  on_arm do
    url "@URL@/rivulet-@VERSION@-aarch64-linux.tar.gz"
    sha256 "@SHA256_AARCH64@"
  end

  def install
    bin.install "rivulet"
    doc.install Dir["docs/*"], "README.md", "CHANGELOG.md", "LICENCES.txt", "sbom.json"
    (pkgshare/"deploy").install Dir["deploy/*"]
  end

  service do
    run [opt_bin/"rivulet"]
    keep_alive true
    working_dir var/"rivulet"
    log_path var/"log/rivulet.log"
    error_log_path var/"log/rivulet.log"
  end

  def post_install
    (var/"rivulet").mkpath
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/rivulet --version")
  end
end
