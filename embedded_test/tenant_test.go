// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// The headers of the contract as literals: a client in another language has no constants
// for them.
const (
	headerMessageID   = "Nats-Msg-Id"
	headerReplayed    = "Storebus-Replayed"
	headerTTL         = "Nats-TTL"
	headerIfRevision  = "Storebus-If-Revision"
	headerRevision    = "Storebus-Revision"
	headerExpiresAt   = "Storebus-Expires-At"
	headerTraceParent = "traceparent"
	headerError       = "Nats-Service-Error"
	headerErrorCode   = "Nats-Service-Error-Code"
)

// maxPayload is the largest message of an embedded broker, and of a NATS server by default.
const maxPayload = 1 << 20

// startSidecar starts a sidecar with a broker of its own and a real file.
func startSidecar(t *testing.T) *storebus.Sidecar {
	t.Helper()
	return startSidecarWith(t, embeddedConfig(t, func(*storebus.Config) {}))
}

// embeddedConfig is the configuration of a sidecar with a broker of its own on a free port
// and a real file. adjust may change it.
func embeddedConfig(t *testing.T, adjust func(*storebus.Config)) storebus.Config {
	t.Helper()
	config := storebus.Config{
		DatabasePath: filepath.Join(t.TempDir(), "storebus.db"),
		Listen:       "127.0.0.1:0",
	}
	adjust(&config)
	return config
}

// startSidecarWith starts a sidecar with config and closes it after the test.
func startSidecarWith(t *testing.T, config storebus.Config) *storebus.Sidecar {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	sidecar, err := storebus.Start(ctx, config)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sidecar.Close()) })
	return sidecar
}

// outsideConfig is the configuration of a sidecar on a running broker, with a real file.
func outsideConfig(t *testing.T, url string) storebus.Config {
	t.Helper()
	return storebus.Config{
		DatabasePath: filepath.Join(t.TempDir(), "storebus.db"),
		NATS:         storebus.NATSConfig{URL: url},
	}
}

// requireStartFails asserts that no sidecar starts with config, and that the error contains
// word.
func requireStartFails(t *testing.T, config storebus.Config, word string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	sidecar, err := storebus.Start(ctx, config)
	if err == nil {
		require.NoError(t, sidecar.Close())
	}
	require.ErrorContains(t, err, word)
}

// readStatus reads the sidecar's status.
func readStatus(t *testing.T, connection *nats.Conn) statusReply {
	t.Helper()
	admin := &tenant{connection: connection, namespace: "admin"}
	return decode[statusReply](t, admin.call(t, "status", ""))
}

// connect opens a plain connection and closes it after the test.
func connect(t *testing.T, url string, options ...nats.Option) *nats.Conn {
	t.Helper()
	connection, err := nats.Connect(url, options...)
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}

// subscribe subscribes and waits until the broker has the subscription.
func subscribe(t *testing.T, connection *nats.Conn, subject string) *nats.Subscription {
	t.Helper()
	subscription, err := connection.SubscribeSync(subject)
	require.NoError(t, err)
	require.NoError(t, subscription.SetPendingLimits(-1, -1))
	require.NoError(t, connection.Flush())
	return subscription
}

// receive returns the next message of a subscription.
func receive(t *testing.T, subscription *nats.Subscription) *nats.Msg {
	t.Helper()
	message, err := subscription.NextMsg(patience)
	require.NoError(t, err, "waiting for a message on %s", subscription.Subject)
	return message
}

// requireSilence asserts that a subscription has no message. The connection makes a round
// trip first, so earlier messages have arrived.
func requireSilence(t *testing.T, connection *nats.Conn, subscription *nats.Subscription) {
	t.Helper()
	require.NoError(t, connection.Flush())
	message, err := subscription.NextMsg(time.Nanosecond)
	require.ErrorIs(t, err, nats.ErrTimeout, "a message on %s: %+v", subscription.Subject, message)
}

// tenant is a plain NATS client in one namespace.
type tenant struct {
	connection *nats.Conn
	namespace  string
}

// newTenant connects a tenant to the broker at url.
func newTenant(t *testing.T, url, namespace string) *tenant {
	t.Helper()
	return &tenant{connection: connect(t, url), namespace: namespace}
}

// answer is the reply to one request.
type answer struct {
	*nats.Msg
}

// send makes a request on any subject.
func (tenant *tenant) send(t *testing.T, message *nats.Msg) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	reply, err := tenant.connection.RequestMsgWithContext(ctx, message)
	require.NoError(t, err, "a request on %.200s", message.Subject)
	return answer{reply}
}

// call makes a request of a verb of the namespace with a JSON body.
func (tenant *tenant) call(t *testing.T, verb, body string) answer {
	t.Helper()
	return tenant.send(t, &nats.Msg{Subject: "store." + tenant.namespace + "." + verb, Data: []byte(body)})
}

// raw makes a request in the raw form. header has pairs of name and value.
func (tenant *tenant) raw(t *testing.T, verb, group, key string, payload []byte, header ...string) answer {
	t.Helper()
	return tenant.rawToken(t, verb, token(group), token(key), payload, header...)
}

// rawToken is raw with literal tokens.
func (tenant *tenant) rawToken(t *testing.T, verb, group, key string, payload []byte, header ...string) answer {
	t.Helper()
	message := nats.NewMsg(strings.Join([]string{"store", tenant.namespace, verb, group, key}, "."))
	message.Data = payload
	for ; len(header) > 0; header = header[2:] {
		message.Header.Set(header[0], header[1])
	}
	return tenant.send(t, message)
}

// set stores a value in the JSON form and returns its revision.
func (tenant *tenant) set(t *testing.T, group, key, value string) uint64 {
	t.Helper()
	return decode[setReply](t, tenant.call(t, "set", object(t, "group", group, "key", key, "value", value))).Revision
}

// entry reads an existing entry.
func (tenant *tenant) entry(t *testing.T, group, key string) entry {
	t.Helper()
	return decode[entry](t, tenant.call(t, "get", object(t, "group", group, "key", key)))
}

// value reads the value of an existing entry that holds text.
func (tenant *tenant) value(t *testing.T, group, key string) string {
	t.Helper()
	got := tenant.entry(t, group, key)
	require.NotNil(t, got.Value)
	require.Empty(t, got.Encoding)
	return *got.Value
}

// feed is a subscription to the changes of a namespace after a revision. Older events may
// still arrive after it has begun; next skips them.
type feed struct {
	*nats.Subscription
	after uint64
}

// events subscribes to every change of the namespace from now on.
func (tenant *tenant) events(t *testing.T) *feed {
	t.Helper()
	subscription := subscribe(t, tenant.connection, "store.events."+tenant.namespace+".>")
	return &feed{Subscription: subscription, after: tenant.revision(t)}
}

// next returns the next event unchanged.
func (feed *feed) next(t *testing.T) *nats.Msg {
	t.Helper()
	for {
		message := receive(t, feed.Subscription)
		if decodeBody[event](t, message.Data).Revision > feed.after {
			return message
		}
	}
}

// nextEvent reads the next event.
func nextEvent(t *testing.T, events *feed) event {
	t.Helper()
	return decodeBody[event](t, events.next(t).Data)
}

// remove deletes an existing key and returns the revision of the deletion.
func (tenant *tenant) remove(t *testing.T, group, key string) uint64 {
	t.Helper()
	reply := decode[deleteReply](t, tenant.call(t, "delete", object(t, "group", group, "key", key)))
	require.True(t, reply.Deleted)
	return reply.Revision
}

// revision returns the namespace's current revision.
func (tenant *tenant) revision(t *testing.T) uint64 {
	t.Helper()
	return decode[listReply](t, tenant.call(t, "list", `{"limit":1}`)).Revision
}

// object writes a JSON object. pairs are names and values. It does not escape HTML, as Go
// would by default.
func object(t *testing.T, pairs ...any) string {
	t.Helper()
	fields := map[string]any{}
	for ; len(pairs) > 0; pairs = pairs[2:] {
		name, ok := pairs[0].(string)
		require.True(t, ok)
		fields[name] = pairs[1]
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(fields))
	return strings.TrimSuffix(buffer.String(), "\n")
}

// decode reads a reply that must be a success and have no other fields than Reply.
func decode[Reply any](t *testing.T, got answer) Reply {
	t.Helper()
	require.Empty(t, got.Header.Get(headerError), "%s", got.Data)
	require.Empty(t, got.Header.Get(headerErrorCode), "%s", got.Data)
	return decodeBody[Reply](t, got.Data)
}

// decodeBody reads JSON that must have no other fields than Body.
func decodeBody[Body any](t *testing.T, data []byte) Body {
	t.Helper()
	var body Body
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&body), "%.2000s", data)
	return body
}

// requireFailure asserts an error reply with this code and name, and returns it.
func requireFailure(t *testing.T, got answer, code int, name string) failure {
	t.Helper()
	body := decodeBody[errorReply](t, got.Data)
	require.NotNil(t, body.Error, "%.2000s", got.Data)
	require.Equal(t, name, body.Error.Name, "%.2000s", got.Data)
	require.Equal(t, code, body.Error.Code, "%.2000s", got.Data)
	assert.Equal(t, strconv.Itoa(code), got.Header.Get(headerErrorCode))
	assert.NotEmpty(t, body.Error.Message)
	assertASCIILine(t, got.Header.Get(headerError))
	return *body.Error
}

// requireBadField asserts a 400 for a field.
func requireBadField(t *testing.T, got answer, field string) {
	t.Helper()
	assert.Equal(t, field, requireFailure(t, got, 400, "bad_request").Field, "%.2000s", got.Data)
}

func assertASCIILine(t *testing.T, line string) {
	t.Helper()
	assert.NotEmpty(t, line)
	for _, letter := range []byte(line) {
		if letter < ' ' || letter > '~' {
			assert.Failf(t, "not one line of printable ASCII", "%q", line)
			return
		}
	}
}

// token encodes a name as a subject token, as the contract says. Letters, digits and - _ :
// / = @ + ~ stand for themselves; every other byte becomes %XX.
func token(name string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_:/=@+~"
	var encoded strings.Builder
	for _, letter := range []byte(name) {
		if strings.IndexByte(plain, letter) >= 0 {
			encoded.WriteByte(letter)
			continue
		}
		encoded.WriteByte('%')
		encoded.WriteByte("0123456789ABCDEF"[letter>>4])
		encoded.WriteByte("0123456789ABCDEF"[letter&15])
	}
	return encoded.String()
}

// The bodies of the contract as a client would declare them.
type (
	setReply struct {
		Revision  uint64     `json:"revision"`
		Created   *bool      `json:"created"`
		ExpiresAt *time.Time `json:"expires_at"`
	}
	deleteReply struct {
		Deleted  bool   `json:"deleted"`
		Revision uint64 `json:"revision"`
	}
	touchReply struct {
		Revision  uint64     `json:"revision"`
		ExpiresAt *time.Time `json:"expires_at"`
	}
	incrementReply struct {
		Value     *int64     `json:"value"`
		Revision  uint64     `json:"revision"`
		ExpiresAt *time.Time `json:"expires_at"`
	}
	deleteGroupReply struct {
		Deleted  uint64 `json:"deleted"`
		Revision uint64 `json:"revision"`
	}
	deletePrefixReply struct {
		Groups   uint64 `json:"groups"`
		Deleted  uint64 `json:"deleted"`
		Revision uint64 `json:"revision"`
	}
	transactionReply struct {
		Succeeded     bool              `json:"succeeded"`
		FirstRevision *uint64           `json:"first_revision"`
		Revision      *uint64           `json:"revision"`
		Results       []json.RawMessage `json:"results"`
	}
	existsReply struct {
		Exists   bool    `json:"exists"`
		Revision *uint64 `json:"revision"`
	}
	entry struct {
		Group     string     `json:"group"`
		Key       string     `json:"key"`
		Value     *string    `json:"value"`
		Encoding  string     `json:"encoding"`
		Revision  uint64     `json:"revision"`
		UpdatedAt time.Time  `json:"updated_at"`
		ExpiresAt *time.Time `json:"expires_at"`
		// ValueOmitted says that no message can carry the value.
		ValueOmitted bool `json:"value_omitted"`
	}
	// lookup is an entry of a get_many, or its name alone if it is missing.
	lookup struct {
		entry
		Missing bool `json:"missing"`
	}
	getManyReply struct {
		Entries  []lookup `json:"entries"`
		Revision uint64   `json:"revision"`
	}
	countReply struct {
		Count    *uint64 `json:"count"`
		Revision uint64  `json:"revision"`
	}
	groupStatus struct {
		Group    string `json:"group"`
		Keys     uint64 `json:"keys"`
		Revision uint64 `json:"revision"`
	}
	groupsReply struct {
		Groups   []groupStatus `json:"groups"`
		Next     string        `json:"next"`
		Revision uint64        `json:"revision"`
	}
	// If the rendered text is not UTF-8, it is in base64, like a value.
	renderReply struct {
		Text     string `json:"text"`
		Encoding string `json:"encoding"`
		Revision uint64 `json:"revision"`
	}
	splitReply struct {
		Parts    []string `json:"parts"`
		Encoding string   `json:"encoding"`
	}
	fieldsReply struct {
		Fields   []string `json:"fields"`
		Encoding string   `json:"encoding"`
	}
	quotaLimits struct {
		MaxKeys           uint64 `json:"max_keys"`
		MaxGroups         uint64 `json:"max_groups"`
		MaxBytes          uint64 `json:"max_bytes"`
		MaxValueBytes     uint64 `json:"max_value_bytes"`
		MaxJournalBytes   uint64 `json:"max_journal_bytes"`
		MaxWorkspaceBytes uint64 `json:"max_workspace_bytes"`
		MaxLogBytes       uint64 `json:"max_log_bytes"`
	}
	quotaReply struct {
		Namespace string `json:"namespace"`
		quotaLimits
	}
	usageReply struct {
		quotaLimits
		Keys           uint64 `json:"keys"`
		Groups         uint64 `json:"groups"`
		Bytes          uint64 `json:"bytes"`
		JournalBytes   uint64 `json:"journal_bytes"`
		WorkspaceBytes uint64 `json:"workspace_bytes"`
		LogBytes       uint64 `json:"log_bytes"`
		Revision       uint64 `json:"revision"`
		Store          string `json:"store"`
	}
	namespaceStatus struct {
		Namespace string `json:"namespace"`
		Revision  uint64 `json:"revision"`
		Keys      uint64 `json:"keys"`
		Groups    uint64 `json:"groups"`
		Bytes     uint64 `json:"bytes"`
	}
	namespacesReply struct {
		Namespaces []namespaceStatus `json:"namespaces"`
		Next       string            `json:"next"`
	}
	purgeReply struct {
		Expired *uint64 `json:"expired"`
	}
	backupReply struct {
		File  string `json:"file"`
		Bytes int64  `json:"bytes"`
	}
	listReply struct {
		Entries  []entry `json:"entries"`
		Next     string  `json:"next"`
		Revision uint64  `json:"revision"`
		Store    string  `json:"store"`
	}
	changesReply struct {
		Changes  []json.RawMessage `json:"changes"`
		Next     *uint64           `json:"next"`
		Oldest   *uint64           `json:"oldest"`
		Revision uint64            `json:"revision"`
		Store    string            `json:"store"`
	}
	event struct {
		Revision     uint64     `json:"revision"`
		Previous     *uint64    `json:"previous"`
		Type         string     `json:"type"`
		Store        string     `json:"store"`
		Namespace    string     `json:"namespace"`
		Group        string     `json:"group"`
		Key          *string    `json:"key"`
		Value        *string    `json:"value"`
		Encoding     string     `json:"encoding"`
		Created      *bool      `json:"created"`
		ExpiresAt    *time.Time `json:"expires_at"`
		Timestamp    time.Time  `json:"timestamp"`
		ValueOmitted bool       `json:"value_omitted"`

		Transaction *transactionRange `json:"transaction"`
	}
	transactionRange struct {
		First uint64 `json:"first"`
		Last  uint64 `json:"last"`
	}
	failure struct {
		Code            int     `json:"code"`
		Name            string  `json:"name"`
		Message         string  `json:"message"`
		Field           string  `json:"field"`
		CurrentRevision *uint64 `json:"current_revision"`
		Oldest          *uint64 `json:"oldest"`
		Revision        *uint64 `json:"revision"`
		Store           string  `json:"store"`
		Limit           *uint64 `json:"limit"`
		RetryAfter      any     `json:"retry_after"`
		Quota           string  `json:"quota"`
		Usage           *uint64 `json:"usage"`
		Index           *int    `json:"index"`
	}
	errorReply struct {
		Error *failure `json:"error"`
	}
	statusReply struct {
		Store                  string          `json:"store"`
		Instance               string          `json:"instance"`
		Version                string          `json:"version"`
		Prefix                 string          `json:"prefix"`
		Durability             string          `json:"durability"`
		Writable               bool            `json:"writable"`
		Reason                 string          `json:"reason"`
		Backlog                *uint64         `json:"backlog"`
		OldestUnpublishedAt    *time.Time      `json:"oldest_unpublished_at"`
		PendingMaterialisation *uint64         `json:"pending_materialisation"`
		Queue                  json.RawMessage `json:"queue"`
		Namespaces             *uint64         `json:"namespaces"`
		Entries                *uint64         `json:"entries"`
		UnscopedEntries        *uint64         `json:"unscoped_entries"`
		ClockAhead             *float64        `json:"clock_ahead_seconds"`
		Journal                any             `json:"journal"`
		Time                   *time.Time      `json:"time"`
		DatabaseBytes          *uint64         `json:"database_bytes"`
		WALBytes               *uint64         `json:"wal_bytes"`
		WALOldestSeconds       float64         `json:"wal_oldest_seconds"`
		WALHindered            uint64          `json:"wal_hindered"`
		DamagedEntries         uint64          `json:"damaged_entries"`
		RepairedEntries        uint64          `json:"repaired_entries"`
		DiskFreeBytes          *uint64         `json:"disk_free_bytes"`
		BackedUpBytes          *uint64         `json:"backed_up_bytes"`
		Sync                   any             `json:"sync"`
	}
)
