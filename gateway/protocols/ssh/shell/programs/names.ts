/** Programs by what they are for. */
const names = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Programs that change nothing by themselves and run nothing else. */
export const HARMLESS = names(`
  : true false echo printf pwd cd ls dir vdir cat tac head tail wc cut paste tr sort uniq nl fold fmt column comm join
  grep egrep fgrep zgrep rgrep rg ag look strings od hexdump xxd file stat basename dirname realpath readlink seq yes
  sleep date cal bc dc expr factor md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum cksum sum diff cmp
  id whoami who w users groups tty uname arch hostname uptime nproc free df du lscpu lsblk lspci lsusb lsmod lsof ps top
  htop pgrep pidof pstree vmstat iostat mpstat sar dmesg last lastlog env printenv locale type which whereis
  whatis apropos man info help clear reset tput stty logname test [ [[ jq yq tree zcat bzcat xzcat less more
  history jobs bg fg wait set unset export declare typeset local readonly umask ulimit exit return break continue shift getent
  ip ifconfig netstat ss arp route ping ping6 traceroute tracepath mtr dig nslookup host whois getconf nvidia-smi
  git svn hg make cmake gcc g++ cc c++ clang rustc javac go cargo ld as ar nm objdump gdb finger mail mesg tset vi
  alias unalias source . exec eval command builtin read mapfile readarray trap hash enable shopt let dirs pushd popd
`);

/** Programs that people look around with. */
export const DISCOVERY = names(`
  id whoami who w users groups uname arch hostname uptime nproc free df lscpu lsblk lspci lsusb lsmod lsof ps top htop
  pgrep pidof pstree vmstat dmesg last lastlog ip ifconfig netstat ss arp route getent nvidia-smi ifstat lshw dmidecode
  hostnamectl loginctl lastb finger nproc blkid mount nmcli systemd-detect-virt virt-what sw_vers
`);

/** Programs that are made for attacks, or that nobody runs on a server for its work. */
export const OFFENSIVE = names(`
  nmap masscan zmap hydra medusa ncrack john hashcat msfconsole msfvenom meterpreter sqlmap nikto gobuster dirb
  xmrig xmr-stak minerd cpuminer ccminer cgminer t-rex lolminer nbminer mimikatz mimipenguin linpeas linpeas.sh
  linenum.sh pspy pspy64 responder bettercap ettercap arpspoof aircrack-ng chisel ligolo frpc frps ngrok gost
  lockr crowbar patator kubeletctl peirates deepce.sh enum4linux crackmapexec evil-winrm impacket-secretsdump reptyr
  fbot mirai zgrab zgrab2 sshscan pscan haiduc
`);

/**
 * Programs that can run others, read code, write any file or open a shell, and so pass in exec-only mode only with arguments that the
 * policy fixes. After GTFOBins (https://gtfobins.github.io), with shells, builtins that evaluate their arguments, and package managers.
 */
export const RUNS_OTHERS = names(`
  sh bash dash ash zsh ksh mksh ksh93 rbash rksh yash fish csh tcsh pwsh busybox toybox elvish nu xonsh
  sudo sudoedit su doas run0 runuser pkexec sg newgrp gosu su-exec setuidgid chpst setpriv capsh
  env nohup nice ionice chrt taskset timeout time setsid stdbuf unbuffer script watch xargs parallel find fd fdfind
  flock chroot unshare nsenter systemd-run start-stop-daemon daemonize strace ltrace gdb valgrind perf rr
  at batch crontab run-parts run-mailcap entr inotifywait expect dbus-run-session xvfb-run faketime fakeroot proot
  firejail bwrap torsocks proxychains proxychains4 cpulimit numactl tmux screen byobu dtach abduco zellij mosh mosh-server
  ssh scp sftp rsync slogin dbclient plink autossh sshpass sshfs rclone rdiff-backup borg restic duplicity rsh rlogin rexec
  awk gawk mawk nawk original-awk sed gsed ed red ex vi vim vim.basic vim.tiny nvim view rvim rview vimdiff gvim emacs nano
  pico joe jed mcedit micro helix hx kak less more most pg man info lv view w3m lynx elinks links mutt mail mailx
  python python2 python3 pypy pypy3 ipython perl perl5 ruby irb node nodejs deno bun php lua luajit tclsh wish expect R Rscript
  julia guile racket scheme sbcl clisp ocaml ghci erl escript elixir iex groovy scala jshell java jrunscript jjs swift dotnet mono
  jq yq xmllint xsltproc octave gnuplot maxima gp bc dc m4 cpp
  git svn hg bzr fossil cvs gh glab make gmake cmake ninja meson scons ant mvn gradle rake bundle bundler gem cargo go npm npx
  yarn pnpm pip pip3 pipx uv poetry conda easy_install composer cpan cpanm luarocks stack cabal
  gcc g++ cc c++ clang tcc ld as c89 c99 rustc
  tar bsdtar gtar cpio pax zip unzip 7z 7za rar ar rpm2cpio gzip gunzip bzip2 xz zstd pigz lzma compress
  apt apt-get aptitude dpkg dpkg-deb yum dnf zypper rpm apk pacman emerge snap flatpak brew nix nix-env nix-shell opkg pkg
  systemctl service journalctl loginctl hostnamectl timedatectl resolvectl machinectl update-alternatives dmsetup debugfs
  docker podman nerdctl ctr crictl kubectl k3s oc helm lxc lxd virsh vagrant ansible ansible-playbook puppet chef-client salt
  salt-call terraform aws gcloud az openssl gpg gpg2 ssh-agent ssh-add ssh-keygen ssh-keyscan ssh-copy-id
  mysql mariadb psql sqlite3 mongo mongosh redis-cli sqlplus isql tsql cqlsh pg_dump pg_dumpall mysqldump influx
  curl wget aria2c axel ftp lftp tftp nc ncat netcat socat telnet nmap tcpdump tshark dumpcap wireshark iftop openvpn ip
  ifup ifdown iptables nft tc ethtool arping dig nslookup
  cp mv ln install tee dd truncate split csplit shred patch touch mkdir mknod mkfifo rm rmdir unlink chmod chown chgrp chattr setfacl
  setcap sort shuf uniq sponge xxd uudecode uuencode base64 base32 iconv objcopy strip pr tac tsort update-motd
  date diff diff3 sdiff colordiff vimdiff cmp file rev ul col column zip zipnote nl locate updatedb look
  logrotate logsave logger run-parts rc mount umount swapon losetup insmod modprobe rmmod kmod depmod sysctl ldconfig ldd
  ld-linux.so.2 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 ld-musl-x86_64.so.1 ld.so
  useradd usermod userdel groupadd groupmod adduser deluser passwd chpasswd chsh chfn vipw vigr visudo gpasswd newusers
  init telinit shutdown reboot halt poweroff kexec grub-install update-grub efibootmgr fdisk parted mkfs
  dialog whiptail zenity msgfilter msgconv msgmerge msgattrib msgcat nroff troff groff eqn pic grap soelim pdftex tex latex
  pdflatex xelatex lualatex xetex luatex ghostscript gs pandoc ffmpeg convert magick mogrify pdb pry bpftrace check_by_ssh
  cobc cowsay cowthink cpulimit crash cscope ctags dosbox dvips exiftool finger genie genisoimage gimp ginsh hping3 jtag ksshell
  latexmk lwp-download lwp-request multitime mtr nawk nft ntpdate octave opkg pdfcrop pexec pkg posh ranger rake rlwrap rpm rpmdb
  rpmquery rpmverify rsyslogd sash scanmem service slsh snap snobol socat softlimit sqlmap ss ssh ssh-agent sysctl tasksh tbl tclsh tdbtool
  tftp tic timedatectl tshark unsquashfs vagrant varnishncsa view volatility wall whois wireshark wish write xdotool xelatex
  xmodmap xmore xpad yash zathura zsoelim zypper cowsay bconsole aoss dstat ispell aspell eb facter puppet pkexec dmesg top htop
  lastb logwatch mc nnn vifm lf ncdu iotop atop watchexec hyperfine tini dumb-init s6-setuidgid runit runsv supervisorctl pm2 forever
  printf test [ read export unset declare typeset local readonly let eval exec source . command builtin trap alias hash enable
  mapfile readarray wait getopts complete compgen bind fc jobs set shopt coproc ulimit umask history pushd popd exit return
  repeat noglob nocorrect and or not begin function if then while until for case select time ! { } [[ autoload zmodload zcompile
  whence vared sched stat
  aa-exec ab acr agetty ansible-test apache2 apache2ctl apport-cli arch-nspawn arj ascii-xfr asterisk autoconf autoheader autoreconf
  automake bashbug bat batcat bee bridge busctl byebug cancel cdist certbot check_cups check_log check_memory check_raid
  check_statusfile choom clamscan csvtool cupsfilter distcc easyrsa efax enscript espeak gcore gtester grc knife ksu lp lpr
  minicom mosquitto nasm ncftp neofetch openvt perlbug psftp pygmentize redcarpet rtorrent runscript scrot setarch setlock
  smbclient socket systemd-resolve task tmate torify yelp xdg-user-dir wg-quick linux32 linux64 i386 x86_64 uname26 prlimit sshd
  in.sshd catchsegv eatmydata fakechroot dpkg-reconfigure dpkg-divert lesspipe lessfile zless zmore bzless bzmore xzless xzmore
  sensible-pager sensible-editor pager editor select-editor systemd-nspawn systemd-inhibit systemd-cat systemd-tmpfiles dbus-send
  gdbus xterm x-terminal-emulator dos2unix unix2dos recode rename prename file-rename pee ifne chronic vidir vipe zrun lckdo mispipe
  bsh wine qemu-system-x86_64 apptainer singularity unlzma unxz bunzip2 unzstd zstdmt lz4 brotli inetd xinetd gosh picolisp bpkg
  doas.sh sshd-session sftp-server logger wall mesg trickle cgexec cset numad schedtool dtrace stap uftrace heaptrack massif
  cd chdir rg ripgrep ag ack ack-grep ug ugrep sift pt fzf sk tig gitk delta glances btop bpytop nethogs pidstat sar sadf iostat tree nvidia-smi
  zgrep zegrep zfgrep zcmp zdiff bzgrep bzegrep bzcmp bzdiff xzgrep xzcmp xzdiff lzgrep whatis apropos iperf iperf3 fping wrk ab k6 siege
  pgbench createdb dropdb createuser dropuser initdb pg_ctl pg_restore pg_basebackup postgres pg_recvlogical pg_receivewal mysqld mysqlslap
  redis-server redis-benchmark memcached mongod mongodump mongorestore mongoexport mongoimport influxd etcdctl etcd consul nomad vault
  packer terragrunt tofu pulumi cdk sls serverless eksctl minikube kind skaffold tilt buildah skopeo runc crun kaniko jib ko bazel bazelisk buck
  sbt mill lein clojure clj kotlin kotlinc dart flutter crystal nim zig odin dmd rdmd raku perl6 gforth apl dyalog matlab sage maple wolframscript
  wp drush artisan rails django-admin manage.py celery gunicorn uvicorn uwsgi flask airflow spark-submit spark-shell spark-sql pyspark hive
  beeline hadoop hdfs mapred zkCli.sh kafka-run-class.sh nginx httpd haproxy squid varnishd named dnsmasq syslog-ng fluentd fluent-bit logstash
  telegraf vector caddy traefik lighttpd exim exim4 postfix sendmail procmail maildrop formail mutt neomutt swaks httpie http https xh wget2
  curlie websocat sshuttle et ttyd gotty wetty cloudflared tailscale bore lt yt-dlp youtube-dl gallery-dl mpv vlc cvlc mplayer sox play
  libreoffice soffice inkscape blender povray asy dot neato plantuml pdfinfo qpdf mutool tesseract parted sfdisk sgdisk cfdisk mdadm lvm vgs
  lvs cryptsetup zfs zpool btrfs fstrim multipath iscsiadm nfsstat exportfs rpcinfo showmount ipmitool smartctl hdparm sdparm
  pip-compile pdm hatch tox nox pytest jupyter ipython3 bpython ptpython cython nuitka pyinstaller python-config java-jar jstack jmap jcmd jinfo
  keytool jarsigner javap javac jdeps jlink esbuild webpack vite rollup gulp grunt nodemon ts-node tsx bunx npx-cli corepack volta nvm fnm
  asdf mise direnv rbenv pyenv goenv sdk nodenv just task invoke fab capistrano cap mina ansible-pull ansible-console ansible-galaxy salt-ssh
  munin-run monit nagios nrpe check_nrpe zabbix_agentd zabbix_get zabbix_sender snmpd snmpwalk tripwire aide rkhunter chkrootkit lynis
`);
