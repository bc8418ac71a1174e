// Answers each line of JSON with what JavaScript writes for it.
let text = '';
process.stdin.setEncoding('utf8');
for await (const chunk of process.stdin) {
  const lines = (text + chunk).split('\n');
  text = lines.pop();
  process.stdout.write(lines.map((line) => JSON.stringify(JSON.parse(line)) + '\n').join(''));
}
