// Uses an ensemble as an application for Node.js would, through node-zookeeper-client.
// What it prints asks for disturbances; see ../foreign_client.hpp.
//
//   NODE_PATH=…/node_modules node node_client.js HOST:PORT,…
'use strict';
const assert = require('node:assert');
const readline = require('node:readline');
const {once} = require('node:events');
const zookeeper = require('node-zookeeper-client');
const {Exception, CreateMode, ACL} = zookeeper;

const patienceMs = 60000;
const input = readline.createInterface({input: process.stdin})[Symbol.asyncIterator]();

// A session whose calls return promises; what a lost connection cut off fails with CONNECTION_LOSS.
async function session(hosts, sessionTimeout = 10000) {
  const client = zookeeper.createClient(hosts, {sessionTimeout, spinDelay: 50});
  const call = (name) => (...args) => new Promise((resolve, reject) => {
    client[name](...args, (error, ...results) => error ? reject(error) : resolve(results));
  });
  const zk = {client};
  for (const name of ['create', 'getData', 'setData', 'exists', 'getChildren', 'remove', 'getACL', 'setACL', 'mkdirp']) {
    zk[name] = call(name);
  }
  zk.id = () => client.getSessionId().toString('hex');
  client.connect();
  await once(client, 'connected');
  return zk;
}

async function again(call) {
  for (const end = Date.now() + patienceMs;;) {
    try {
      return await call();
    } catch (error) {
      if (error.code !== Exception.CONNECTION_LOSS || Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

async function refused(code, promise) {
  await assert.rejects(promise, (error) => error.code === code || assert.fail(`${error}`));
}

// The library has no sync: another session's node may be behind.
async function catchUp(zk, path) {
  while (!(await zk.exists(path))[0]) await new Promise((resolve) => setTimeout(resolve, 10));
}

// What watchers are told.
class Seen {
  #events = [];
  #wakeup = () => {};
  watcher = (event) => {
    this.#events.push(`${event.getName()} ${event.getPath()}`);
    this.#wakeup();
  };
  async wait(...expected) {
    while (this.#events.length < expected.length) await new Promise((resolve) => { this.#wakeup = resolve; });
    assert.deepStrictEqual(this.#events, expected);
  }
}

async function data(zk) {
  assert.deepStrictEqual(await zk.create('/app', Buffer.from('one')), ['/app']);
  const [value, stat] = await zk.getData('/app');
  assert.deepStrictEqual([value.toString(), stat.version, stat.dataLength], ['one', 0, 3]);
  assert.strictEqual((await zk.setData('/app', Buffer.from('two'), 0))[0].version, 1);
  await refused(Exception.BAD_VERSION, zk.setData('/app', Buffer.from('three'), 0));
  await refused(Exception.NODE_EXISTS, zk.create('/app'));
  await refused(Exception.NO_NODE, zk.getData('/missing'));
  assert.strictEqual((await zk.exists('/missing'))[0], null);
  assert.strictEqual((await zk.create('/app/n-', CreateMode.PERSISTENT_SEQUENTIAL))[0], '/app/n-0000000000');
  const [ephemeral] = await zk.create('/app/e-', CreateMode.EPHEMERAL_SEQUENTIAL);
  assert.strictEqual(ephemeral, '/app/e-0000000001');
  assert.strictEqual((await zk.exists(ephemeral))[0].ephemeralOwner.toString('hex'), zk.id());
  assert.deepStrictEqual((await zk.getChildren('/app'))[0].sort(), ['e-0000000001', 'n-0000000000']);
  await refused(Exception.NOT_EMPTY, zk.remove('/app'));
  await zk.mkdirp('/app/deep/er/still');
  assert.ok((await zk.exists('/app/deep/er/still'))[0]);
}

async function transactions(zk) {
  const commit = (transaction) => new Promise((resolve) => transaction.commit((error, results) => resolve([error, results])));
  const [none, results] = await commit(zk.client.transaction().create('/app/a', Buffer.from('x')).check('/app', 1)
      .setData('/app/a', Buffer.from('y')).remove('/app/n-0000000000'));
  assert.ok(!none);
  assert.deepStrictEqual([results[0].path, results[2].stat.version], ['/app/a', 1]);
  const [error] = await commit(zk.client.transaction().create('/app/b').check('/app', 99));
  assert.strictEqual(error.code, Exception.BAD_VERSION);
  assert.strictEqual((await zk.exists('/app/b'))[0], null);
}

async function access(zk, other) {
  zk.client.addAuthInfo('digest', Buffer.from('bob:secret'));
  await zk.create('/private', Buffer.from('x'), ACL.CREATOR_ALL_ACL);
  assert.strictEqual((await zk.getData('/private'))[0].toString(), 'x');
  await catchUp(other, '/private');
  await refused(Exception.NO_AUTH, other.getData('/private'));
  const [acls, stat] = await zk.getACL('/private');
  assert.deepStrictEqual([acls.length, acls[0].id.scheme, stat.aversion], [1, 'digest', 0]);
  assert.strictEqual((await zk.setACL('/private', ACL.READ_ACL_UNSAFE, 0))[0].aversion, 1);
}

async function watches(zk, other) {
  const seen = new Seen();
  await zk.getData('/app', seen.watcher);
  await other.setData('/app', Buffer.from('new'));
  await seen.wait('NODE_DATA_CHANGED /app');
  await zk.exists('/app/later', seen.watcher);
  await other.create('/app/later');
  await seen.wait('NODE_DATA_CHANGED /app', 'NODE_CREATED /app/later');
  await zk.getChildren('/app', seen.watcher);
  await other.remove('/app/later');
  await seen.wait('NODE_DATA_CHANGED /app', 'NODE_CREATED /app/later', 'NODE_CHILDREN_CHANGED /app');
}

async function ask(disturbance) {
  console.log(disturbance);
  assert.ok(!(await input.next()).done);
}

async function loseTheLeader(zk, other) {
  await zk.create('/here', CreateMode.EPHEMERAL);
  await zk.create('/count', Buffer.from('0'));
  const seen = new Seen(), id = zk.id();
  await zk.getData('/app', seen.watcher);
  await zk.exists('/after', seen.watcher);

  await ask('kill the leader');
  for (let i = 0; i < 20; ++i) {
    try {
      await again(() => zk.setData('/count', Buffer.from(`${i + 1}`), i));
    } catch (error) {
      assert.strictEqual(error.code, Exception.BAD_VERSION);  // the connection was lost behind the write
    }
    const [value, stat] = await again(() => zk.getData('/count'));
    assert.deepStrictEqual([value.toString(), stat.version], [`${i + 1}`, i + 1]);
  }
  assert.strictEqual(zk.id(), id);
  await again(() => other.setData('/app', Buffer.from('after')));
  await seen.wait('NODE_DATA_CHANGED /app');
  await again(() => other.create('/after'));
  await seen.wait('NODE_DATA_CHANGED /app', 'NODE_CREATED /after');
  assert.strictEqual((await again(() => zk.exists('/here')))[0].ephemeralOwner.toString('hex'), id);
  await refused(Exception.NO_AUTH, zk.setData('/private', Buffer.from('y')));
}

async function loseTheSession(hosts) {
  const zk = await session(hosts, 2000);
  assert.strictEqual(zk.client.getSessionTimeout(), 2000);
  await zk.create('/short', CreateMode.EPHEMERAL);
  const expired = once(zk.client, 'expired');
  await ask('stop me until /short is gone');
  await expired;
}

async function main(hosts) {
  const zk = await session(hosts), other = await session(hosts);
  await data(zk);
  await transactions(zk);
  await access(zk, other);
  await watches(zk, other);
  await loseTheLeader(zk, other);
  const seen = new Seen();
  await catchUp(other, '/here');
  await other.exists('/here', seen.watcher);
  zk.client.close();
  await seen.wait('NODE_DELETED /here');
  other.client.close();
  await loseTheSession(hosts);
  console.log('all is well');
  process.exit(0);
}

main(process.argv[2]).catch((error) => {
  console.log(error.stack);
  process.exit(1);
});
setTimeout(() => {
  console.log('something that is waited for does not come');
  process.exit(1);
}, 2 * patienceMs).unref();
