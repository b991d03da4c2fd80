using System.Net;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Cel;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi.CustomResources;

/// <summary>The rules of x-kubernetes-validations.</summary>
public sealed class CelTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Schema = """
        {type: object, properties: {
          i: {type: integer}, j: {type: integer}, d: {type: number}, s: {type: string}, b: {type: boolean}, t: {type: string, format: date-time}, u: {type: string, format: duration},
          ios: {x-kubernetes-int-or-string: true}, none: {type: string, nullable: true}, "a-b.c": {type: string}, namespace: {type: string},
          l: {type: array, items: {type: integer}}, ss: {type: array, items: {type: string}}, set: {type: array, x-kubernetes-list-type: set, items: {type: string}},
          m: {type: object, additionalProperties: {type: string}},
          o: {type: object, properties: {x: {type: integer}, y: {type: string}}},
          os: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k], items: {type: object, required: [k], properties: {k: {type: string}, v: {type: integer}}}}
        }}
        """;

    private const string Value = """
        {i: 7, j: -2, d: 1.5, s: "héllo", b: true, t: "2026-01-02T03:04:05Z", u: 90s, ios: 3, none: null, "a-b.c": q, namespace: n,
         l: [1, 2, 3], ss: [a, b], set: [x, y], m: {k: v, z: w}, o: {x: 1}, os: [{k: a, v: 1}, {k: b, v: 2}]}
        """;

    private readonly ApiClient _api = fixture.Api;

    [Theory]
    [InlineData("self.i == 7 && self.j < 0 || false")]
    [InlineData("self.i + self.j * 2 - 1 == 2 && self.i / 2 == 3 && self.i % 4 == 3 && -self.j == 2")]
    [InlineData("self.d * 2.0 == 3.0 && self.d > 1.0 && double(self.i) > self.d && int(self.d) == 1")]
    [InlineData("self.s.size() == 5 && size(self.s) == 5 && self.s.startsWith('h') && self.s.endsWith(\"lo\") && self.s.contains('éll')")]
    [InlineData("self.s.matches('^h.*o$') && !self.s.matches('^x') && matches(self.s, r'\\w')")]
    [InlineData("has(self.o) && has(self.o.x) && !has(self.o.y)")]
    [InlineData("!has(self.o.y) || self.o.y == 'never asked'")]
    [InlineData("self.o.y == 'fails' || self.i == 7")]
    [InlineData("!(self.o.y == 'fails' && self.i == 8)")]
    [InlineData("2 in self.l && !(9 in self.l) && 'k' in self.m && 'a' in ['a', 'b']")]
    [InlineData("self.l.all(x, x > 0) && self.l.exists(x, x == 3) && self.l.exists_one(x, x > 2)")]
    [InlineData("self.l.map(x, x * 2) == [2, 4, 6] && self.l.filter(x, x != 2) == [1, 3] && self.l.map(x, x > 1, x + 1) == [3, 4]")]
    [InlineData("self.m.all(k, self.m[k].size() == 1) && self.m.k == 'v' && self.m['z'] == 'w' && self.m.size() == 2")]
    [InlineData("self.os.all(o, o.v >= 1 && self.os.exists(p, p.k == o.k)) && self.os[1].v == 2")]
    [InlineData("self.i > 5 ? self.s != '' : false")]
    [InlineData("self.none == null && self.a__dash__b__dot__c == 'q' && self.__namespace__ == 'n'")]
    [InlineData("self.set == ['y', 'x'] && self.ss != ['b', 'a'] && (self.set + ['x', 'z']).size() == 3")]
    [InlineData("self.t > timestamp('2025-01-01T00:00:00Z') && self.u == duration('1m30s') && self.t + self.u > self.t && self.t.getFullYear() == 2026")]
    [InlineData("string(self.i) + '/' + string(self.b) == '7/true' && int('4') == 4 && dyn(self.i) == 7.0")]
    [InlineData("self.ios == 3 && (self.ios == '3' || true)")]
    [InlineData("self.ss.join(',') == 'a,b' && 'a,b'.split(',') == self.ss && 'AbC'.lowerAscii() == 'abc' && 'abc'.substring(1, 2) == 'b' && 'aXa'.replace('X', 'b') == 'aba'")]
    [InlineData("self.l.isSorted() && self.l.sum() == 6 && self.l.max() == 3 && self.l.min() == 1 && self.ss.indexOf('b') == 1")]
    [InlineData("{'a': 1, 'b': 2}['b'] == 2 && 'a' in {'a': 1}")]
    [InlineData("0x1F == 31 && 1e3 == 1000.0 && '\\u0041' == 'A' && '''it's''' == \"it's\" // the end")]
    public void Rules_that_hold(string rule) => Assert.Null(Evaluate(rule, Value, null));

    [Theory]
    [InlineData("self.i == 8", "failed rule: self.i == 8")]
    [InlineData("self.o.y == 'a'", "no such key: y evaluating rule: self.o.y == 'a'")]
    [InlineData("self.l[5] == 1", "index out of bounds: 5 evaluating rule: self.l[5] == 1")]
    [InlineData("self.i / 0 == 1", "division by zero evaluating rule: self.i / 0 == 1")]
    [InlineData("self.i * 9223372036854775807 > 0", "integer overflow evaluating rule: self.i * 9223372036854775807 > 0")]
    [InlineData("self.ios.startsWith('a')", "'no such overload': call arguments did not match a supported operator, function or macro signature for rule: self.ios.startsWith('a')")]
    [InlineData("self.l.all(a, self.l.all(b, self.l.all(c, self.l.all(d, self.l.all(e, self.l.all(f, self.l.all(g, self.l.all(h, self.l.all(i, self.l.all(j, self.l.all(k, self.l.all(l, self.l.all(n, true)))))))))))))", "'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: self.l.all(a, self.l.all(b, self.l.all(c, self.l.all(d, self.l.all(e, self.l.all(f, self.l.all(g, self.l.all(h, self.l.all(i, self.l.all(j, self.l.all(k, self.l.all(l, self.l.all(n, true)))))))))))))")]
    public void Rules_that_do_not_hold_say_why(string rule, string detail) =>
        Assert.EndsWith(detail, Evaluate(rule, Value, null)!.Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("self.foo == 1", ":1:5: undefined field 'foo'")]
    [InlineData("self.i == 'a'", ":1:8: found no matching overload for '_==_' applied to '(int, string)'")]
    [InlineData("self.i + 1", "cel expression must evaluate to a bool")]
    [InlineData("self.i &&", "Syntax error: mismatched input '<EOF>'")]
    [InlineData("other == 1", ":1:1: undeclared reference to 'other' (in container '')")]
    [InlineData("self.s.format(['a']) == ''", "undeclared reference to 'format'")]
    [InlineData("url('http://x').getHost() == 'x'", "undeclared reference to 'url'")]
    [InlineData("self.s.matches('(?=a)')", "invalid matches argument")]
    [InlineData("self.?o.x.hasValue()", "optional field selection is not supported by this server")]
    [InlineData("self.l.all(1, true)", "argument must be a simple name")]
    [InlineData("has(self)", "invalid argument to has() macro")]
    [InlineData("1u == 1u", "unsigned numbers are not supported by this server")]
    [InlineData("self.namespace == 'a'", "Syntax error: mismatched input 'namespace' expecting IDENTIFIER")]
    public async Task Rules_that_cannot_be_followed_are_refused_with_the_definition(string rule, string why)
    {
        var schema = (JsonObject)JsonNode.Parse(Widgets.Json(Schema.ReplaceLineEndings(" ")))!;
        schema["x-kubernetes-validations"] = new JsonArray(new JsonObject { ["rule"] = rule });
        var answer = await _api.PostAsync(Widgets.Definitions + "?dryRun=All", Widgets.Definition("refused.test.io", schema.ToJsonString()));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.Code);
        var cause = answer.Body["details"]!["causes"]![0]!;
        Assert.Equal("spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule", (string?)cause["field"]);
        Assert.Contains(why, (string?)cause["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Messages_reasons_paths_and_transitions()
    {
        const string group = "rules.test.io";
        await _api.PostAsync(Widgets.Definitions, Widgets.Definition(group, """
            {type: object, properties: {min: {type: integer}, max: {type: integer}, name: {type: string, x-kubernetes-validations: [{rule: "self == oldSelf", message: " is fixed "}]},
              items: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k], items: {type: object, required: [k], properties: {k: {type: string}, v: {type: integer, x-kubernetes-validations: [{rule: "self >= oldSelf"}]}}}}},
             x-kubernetes-validations: [
               {rule: "!has(self.min) || !has(self.max) || self.min <= self.max", messageExpression: "'min is ' + string(self.min) + ', more than ' + string(self.max)", fieldPath: .min, reason: FieldValueForbidden},
               {rule: "!has(self.min) || self.min != 13"}]}
            """, status: "{type: object, properties: {n: {type: integer, x-kubernetes-validations: [{rule: self < 5}]}}}"));
        var path = Widgets.Path(group);
        var refused = await _api.PostAsync(path, Widgets.Object(group, "w", "{min: 13, max: 2}"));
        Assert.Equal(
            "Widget.rules.test.io \"w\" is invalid: [spec.min: Forbidden: min is 13, more than 2, spec: Invalid value: failed rule: !has(self.min) || self.min != 13]",
            refused.Message);
        Assert.Equal(HttpStatusCode.Created, (await _api.PostAsync(path, Widgets.Object(group, "w", "{name: a, items: [{k: x, v: 3}, {k: y, v: 4}]}"))).Code);
        Assert.Equal(
            "Widget.rules.test.io \"w\" is invalid: spec.name: Invalid value: \"b\": is fixed",
            (await _api.MergeAsync(path + "/w", """{"spec":{"name":"b"}}""")).Message);
        Assert.Equal(
            "Widget.rules.test.io \"w\" is invalid: spec.items[0].v: Invalid value: 2: failed rule: self >= oldSelf",
            (await _api.MergeAsync(path + "/w", """{"spec":{"items":[{"k":"y","v":2},{"k":"x","v":9}]}}""")).Message);
        Assert.Equal(HttpStatusCode.OK, (await _api.MergeAsync(path + "/w", """{"spec":{"items":[{"k":"z","v":0},{"k":"x","v":9}]}}""")).Code);
        Assert.Equal(
            "Widget.rules.test.io \"w\" is invalid: status.n: Invalid value: 7: failed rule: self < 5",
            (await _api.MergeAsync(path + "/w/status", """{"status":{"n":7}}""")).Message);
        var wrong = await _api.PostAsync(path, Widgets.Object(group, "x", "{min: many, max: 2}"));
        Assert.Contains("some validation rules were not checked because the object was invalid", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OldSelf_is_refused_where_members_have_no_counterpart()
    {
        var answer = await _api.PostAsync(Widgets.Definitions, Widgets.Definition(
            "atomic.test.io", "{type: object, properties: {l: {type: array, items: {type: string, x-kubernetes-validations: [{rule: self == oldSelf}]}}}}"));
        Assert.Contains(
            "oldSelf cannot be used on the uncorrelatable portion of the schema within spec.validation.openAPIV3Schema.properties[spec].properties[l]",
            answer.Message, StringComparison.Ordinal);
    }

    private static FieldProblem? Evaluate(string rule, string value, string? old)
    {
        var schema = CustomSchemaReader.ReadPart((JsonObject)JsonNode.Parse(Widgets.Json(Schema.ReplaceLineEndings(" ")))!);
        var compiled = CelRule.Compile(new JsonObject { ["rule"] = rule }, CelType.Of(schema)!, out _);
        var node = JsonNode.Parse(Widgets.Json(value.ReplaceLineEndings(" ")))!;
        return compiled.Evaluate(
            CelValues.Read(node, schema), old is null ? null : CelValues.Read(JsonNode.Parse(old), schema), node, "spec", "object", new CelBudget());
    }
}
