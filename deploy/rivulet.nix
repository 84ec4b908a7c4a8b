# The release's program as a Nix package, and a NixOS module beside it. scripts/release writes it into dist/ with the release's version
# and checksums:
#   nix-build -E 'with import <nixpkgs> { }; (import ./rivulet.nix).package pkgs'
#   imports = [ (import ./rivulet.nix).module ];  services.rivulet = { enable = true; publicUrl = "https://chat.example.org"; };
rec {
  package = pkgs:
    let
      sources = {
        x86_64-linux = { machine = "x86_64"; sha256 = "@SHA256_X86_64@"; };
        aarch64-linux = { machine = "aarch64"; sha256 = "@SHA256_AARCH64@"; };
      };
      source = sources.${pkgs.stdenv.hostPlatform.system} or (throw "Rivulet has releases for Linux on x86_64 and aarch64");
    in
    pkgs.stdenvNoCC.mkDerivation rec {
      pname = "rivulet";
      version = "@VERSION@";
      src = pkgs.fetchurl {
        url = "@URL@/rivulet-${version}-${source.machine}-linux.tar.gz";
        inherit (source) sha256;
      };
      # A static program needs nothing of the system.
      dontConfigure = true;
      dontBuild = true;
      dontFixup = true;
      installPhase = ''
        install -Dm755 rivulet $out/bin/rivulet
        mkdir -p $out/share/rivulet
        cp -r deploy docs README.md CHANGELOG.md LICENCES.txt sbom.json $out/share/rivulet/
      '';
      meta = {
        description = "Self-hosted AI chat whose replies are never lost";
        homepage = "@HOME@";
        license = with pkgs.lib.licenses; [ mit asl20 ];
        platforms = builtins.attrNames sources;
        mainProgram = "rivulet";
      };
    };

  module = { config, lib, pkgs, ... }:
    let cfg = config.services.rivulet; in
    {
      options.services.rivulet = {
        enable = lib.mkEnableOption "Rivulet, a self-hosted AI chat";
        port = lib.mkOption { type = lib.types.port; default = 3000; description = "The port on 127.0.0.1, for a proxy."; };
        publicUrl = lib.mkOption { type = lib.types.str; description = "The address that people type."; };
        environmentFile = lib.mkOption {
          type = lib.types.nullOr lib.types.path;
          default = null;
          description = "A file with more settings, such as keys: NAME=value, one a line.";
        };
      };
      config = lib.mkIf cfg.enable {
        systemd.packages = [
          (pkgs.runCommand "rivulet-unit" { } ''
            mkdir -p $out/lib/systemd/system
            sed 's|/usr/local/bin/rivulet|${package pkgs}/bin/rivulet|; s|/bin/kill|${pkgs.coreutils}/bin/kill|' '${package pkgs}/share/rivulet/deploy/rivulet@.service' \
              >"$out/lib/systemd/system/rivulet@.service"
          '')
        ];
        systemd.services."rivulet@${toString cfg.port}" = {
          wantedBy = [ "multi-user.target" ];
          overrideStrategy = "asDropin";
          environment.RIVULET_PUBLIC_URL = cfg.publicUrl;
          serviceConfig.EnvironmentFile = lib.optional (cfg.environmentFile != null) cfg.environmentFile;
        };
      };
    };
}
