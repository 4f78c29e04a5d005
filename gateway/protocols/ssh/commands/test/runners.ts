/** Programs that run what they are told to (most are not on this machine): the denied one is `canary` in all of them. */
export const RUNNER_LINES: readonly string[] = `
busybox sh -c canary
toybox env canary
env -- canary
ionice -c3 canary
chrt -o 0 canary
taskset 1 canary
setarch x86_64 canary
linux64 canary
prlimit --nofile=5 canary
eatmydata canary
systemd-inhibit canary
start-stop-daemon --start --exec /usr/bin/canary
ssh-agent canary
dbus-run-session canary
unbuffer canary
strace -f canary
ltrace canary
perf stat canary
numactl -N 0 canary
hyperfine canary
sshpass -p x canary
torify canary
trickle canary
chronic canary
ifne canary
pee canary
choom -n 0 -- canary
aa-exec -p x canary
setpriv --nnp canary
capsh -- -c canary
valgrind -q canary
gdb -batch -ex 'shell canary'
less +!canary /etc/hosts
man -P canary ls
git grep -O canary
git bisect run canary
git rebase -x canary main
rsync -e canary a b:c
rsync --rsync-path=canary a b:c
scp -S canary a b:c
ssh -o ProxyCommand=canary h
ssh -oProxyCommand=canary h
ssh h canary
at now <<< canary
batch <<< canary
lua -e 'os.execute("canary")'
node -e 'require("child_process").execSync("canary")'
php -r 'system("canary");'
ruby -e 'system("canary")'
python3 -m timeit 'import os; os.system("canary")'
vim -c ':!canary' -c q x
ed -s x <<< '!canary'
dc -e '!canary'
psql -c '\\! canary'
sqlite3 x '.shell canary'
mysql -e '\\! canary'
m4 <<< 'syscmd(canary)'
make SHELL=/usr/bin/canary
zip -q a.zip b -T -TT canary
tar xf a.tar --to-command=canary
split --filter=canary a
tcpdump -z canary -w x -G 1
ip netns exec x canary
nsenter -t 1 -m canary
systemd-run --pipe canary
sg root canary
expect -c 'spawn canary'
tmux new-session -d canary
screen -dm canary
docker exec web canary
docker run --rm web canary
kubectl exec web -- canary
ansible all -m shell -a canary
parallel canary ::: x
emacs --batch --eval '(call-process "canary")'
tee >(canary)
exec -a x canary
printf canary | xargs -I{} {}
echo canary | while read c; do $c; done
wget --use-askpass=canary https://example.com
curl -K config
awk -f script
sed -f script x
find . -name x -ok canary {} ';'
fd x -x canary
nohup setsid nice canary
doas canary
pkexec canary
run0 canary
su root -c canary
script -c canary x
watch -x canary
flock x canary
faketime now canary
npx -c canary
npm exec canary
cargo run
go run x.go
openssl req -engine ./x
xargs -a list canary
ssh -o KnownHostsCommand=canary h
mosh --ssh=canary h
csh -c canary
fish -c canary
ksh -c canary
zsh -c canary
rbash -c canary
=canary x
noglob canary
repeat 1 canary
nocorrect canary
`
  .trim()
  .split('\n');
