// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"bytes"
	"encoding/json"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// The verbs for usage and quotas.
var (
	usageJSON = &operation[subjects.UsageRequest, store.Usage]{decode: decodeBody[subjects.UsageRequest], submit: submitUsage, encode: encodeUsage}
	quotaJSON = &operation[subjects.QuotaRequest, store.Quota]{decode: decodeQuota, submit: submitQuota, encode: encodeQuota}
)

func submitUsage(request *request, _ subjects.UsageRequest, done func(store.Usage, error)) {
	request.service.store.SubmitUsage(request.address.Namespace, done)
}

func encodeUsage(answer *answer, request *request, _ *subjects.UsageRequest, usage *store.Usage) error {
	return answer.marshal(subjects.UsageReply{
		MaxKeys:           uint64(usage.Quota.MaxKeys),
		MaxGroups:         uint64(usage.Quota.MaxGroups),
		MaxBytes:          uint64(usage.Quota.MaxBytes),
		MaxValueBytes:     uint64(usage.Quota.MaxValueBytes),
		MaxJournalBytes:   uint64(usage.Quota.MaxJournalBytes),
		MaxWorkspaceBytes: uint64(usage.Quota.MaxWorkspaceBytes),
		MaxLogBytes:       uint64(usage.Quota.MaxLogBytes),
		Keys:              uint64(usage.Keys),
		Groups:            uint64(usage.Groups),
		Bytes:             uint64(usage.Bytes),
		JournalBytes:      uint64(usage.JournalBytes),
		WorkspaceBytes:    uint64(usage.WorkspaceBytes),
		LogBytes:          uint64(usage.LogBytes),
		Revision:          usage.Revision,
		Store:             request.storeID(),
	})
}

// decodeQuota lets a Call read the quota, but not change it.
func decodeQuota(request *request) (subjects.QuotaRequest, error) {
	body, err := decodeBody[subjects.QuotaRequest](request)
	for name, limit := range map[string]*uint64{
		"max_keys": body.MaxKeys, "max_groups": body.MaxGroups, "max_bytes": body.MaxBytes, "max_value_bytes": body.MaxValueBytes,
		"max_journal_bytes": body.MaxJournalBytes, "max_workspace_bytes": body.MaxWorkspaceBytes,
		"max_log_bytes": body.MaxLogBytes,
	} {
		if err == nil && limit != nil {
			err = request.refuseCall(name)
		}
	}
	return body, err
}

func submitQuota(request *request, body subjects.QuotaRequest, done func(store.Quota, error)) {
	request.service.store.SubmitQuota(*body.Namespace, store.QuotaChange{
		MaxKeys: signedLimit(body.MaxKeys), MaxGroups: signedLimit(body.MaxGroups), MaxBytes: signedLimit(body.MaxBytes),
		MaxValueBytes: signedLimit(body.MaxValueBytes), MaxJournalBytes: signedLimit(body.MaxJournalBytes), MaxWorkspaceBytes: signedLimit(body.MaxWorkspaceBytes),
		MaxLogBytes: signedLimit(body.MaxLogBytes),
	}, done)
}

// signedLimit converts a limit to the store's type. Checking has bounded its size.
func signedLimit(limit *uint64) *int64 {
	if limit == nil {
		return nil
	}
	return new(int64(*limit))
}

func encodeQuota(answer *answer, _ *request, body *subjects.QuotaRequest, quota *store.Quota) error {
	return answer.marshal(subjects.QuotaReply{
		Namespace:         *body.Namespace,
		MaxKeys:           uint64(quota.MaxKeys),
		MaxGroups:         uint64(quota.MaxGroups),
		MaxBytes:          uint64(quota.MaxBytes),
		MaxValueBytes:     uint64(quota.MaxValueBytes),
		MaxJournalBytes:   uint64(quota.MaxJournalBytes),
		MaxWorkspaceBytes: uint64(quota.MaxWorkspaceBytes),
		MaxLogBytes:       uint64(quota.MaxLogBytes),
	})
}

// marshal writes a reply that is small and rare.
func (answer *answer) marshal(reply any) (err error) {
	answer.body, err = appendJSON(answer.body, reply)
	return err
}

// appendJSON writes JSON without the escapes for HTML, which would make a measured text
// longer.
func appendJSON(dst []byte, value any) ([]byte, error) {
	buffer := bytes.NewBuffer(dst)
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), err
}
