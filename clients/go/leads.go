package mulligan

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	commonv1 "mulligan.internal/client/gen/commonv1"
)

// leading are the ids that lead to a site: of regions, or of objects. None: nothing does.
type leading struct {
	isRegion bool
	ids      []string
}

// leadOf gives what leads to a site, by the first field that is filled in; ids in lower case.
func leadOf(method *Method, request proto.Message) leading {
	for _, lead := range method.Leads {
		ids := []string{}
		for _, id := range textsAt(request.ProtoReflect(), lead.Path) {
			if id = strings.ToLower(id); !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		if len(ids) > 0 {
			return leading{lead.IsRegion, ids}
		}
	}
	return leading{}
}

// isOrBelow tells what may be of any region below the one that it names.
func isOrBelow(request proto.Message) bool {
	found := false
	// A reservation is of a claim or of a machine.
	for _, path := range []Path{{"spec", "or_below"}, {"spec", "claim", "or_below"}, {"spec", "machine", "or_below"}} {
		visit(request.ProtoReflect(), path, func(holder protoreflect.Message, field protoreflect.FieldDescriptor) {
			found = found || field.Kind() == protoreflect.BoolKind && holder.Get(field).Bool()
		})
	}
	return found
}

func (m *Method) name() string { return m.Path[strings.LastIndex(m.Path, "/")+1:] }

func (m *Method) service() string { return strings.Split(m.Path, ".")[1] }

// isBatch tells what reads objects by their ids, all of them or none.
func (m *Method) isBatch() bool { return strings.HasPrefix(m.name(), "BatchGet") }

// isOfMany tells what reads of many objects at once, wherever they are; those that are not are
// absent.
func isOfMany(method *Method, request proto.Message) bool {
	return method.service() == "meta" && method.Retry == RetryRead && !hasPages(request) &&
		!strings.HasPrefix(method.name(), "Get") && !method.isBatch()
}

// hasPages tells a list that is read page by page.
func hasPages(request proto.Message) bool {
	_, found := request.(interface{ GetPage() *commonv1.Page })
	return found
}

func pageOf(request proto.Message) *commonv1.Page {
	return request.(interface{ GetPage() *commonv1.Page }).GetPage()
}

// isOfInstallation tells a search for names that every site has.
func isOfInstallation(request proto.Message) bool {
	return objects[textOf(request.ProtoReflect(), "object_type")].Naming == NamingInstallation
}

// askedFor gives the names or ids that a request of many objects asks for, in lower case.
func askedFor(request proto.Message) []string {
	asked := []string{}
	for _, name := range []string{"names", "ids", "object_ids"} {
		for _, one := range textsAt(request.ProtoReflect(), Path{name}) {
			asked = append(asked, strings.ToLower(one))
		}
	}
	return asked
}

// isAnswered tells whether an answer has something of all that was asked for.
func isAnswered(request, answer proto.Message) bool {
	found := map[string]bool{}
	for _, row := range rowsOf(answer) {
		for _, name := range []protoreflect.Name{"asked", "id", "object_id"} {
			found[strings.ToLower(textOf(row.ProtoReflect(), name))] = true
		}
	}
	return !slices.ContainsFunc(askedFor(request), func(one string) bool { return !found[one] })
}

// textOf gives the text of a field; empty: it has none.
func textOf(message protoreflect.Message, name protoreflect.Name) string {
	field := message.Descriptor().Fields().ByName(name)
	if field == nil || field.Kind() != protoreflect.StringKind || field.IsList() {
		return ""
	}
	return message.Get(field).String()
}

func metadataOf(message proto.Message) *commonv1.Metadata {
	if found, ok := message.(interface{ GetMetadata() *commonv1.Metadata }); ok {
		return found.GetMetadata()
	}
	return nil
}

// rowField gives the field with the objects of a list or batch.
func rowField(message protoreflect.Message) protoreflect.FieldDescriptor {
	fields := message.Descriptor().Fields()
	for number := range fields.Len() {
		if field := fields.Get(number); field.IsList() && field.Message() != nil {
			return field
		}
	}
	return nil
}

// rowsOf gives the objects of a list or batch.
func rowsOf(answer proto.Message) []proto.Message {
	found, message := []proto.Message{}, answer.ProtoReflect()
	if field := rowField(message); field != nil {
		rows := message.Get(field).List()
		for place := range rows.Len() {
			found = append(found, rows.Get(place).Message().Interface())
		}
	}
	return found
}

// setRows puts others into the place of the objects of a list or batch.
func setRows(answer proto.Message, rows []proto.Message) {
	message := answer.ProtoReflect()
	field := rowField(message)
	message.Clear(field)
	list := message.Mutable(field).List()
	for _, row := range rows {
		list.Append(protoreflect.ValueOfMessage(row.ProtoReflect()))
	}
}

// setText sets the text of a field.
func setText(message proto.Message, name protoreflect.Name, text string) {
	one := message.ProtoReflect()
	one.Set(one.Descriptor().Fields().ByName(name), protoreflect.ValueOfString(text))
}
