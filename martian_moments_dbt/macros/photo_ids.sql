{# How gold.photo_ids matches numbers and photos. #}

{# As the table is before its first build. #}
{% macro no_photo_ids() -%}
    (
        select
            cast(null as integer) as id,
            cast(null as varchar) as rover,
            cast(null as integer) as sol,
            cast(null as varchar) as photo_key,
            cast(null as varchar) as product,
            cast(null as varchar) as product_identity,
            cast(null as varchar) as method,
            cast(null as boolean) as is_current,
            cast(null as boolean) as is_thumbnail,
            cast(null as varchar) as version
        where false
    )
{%- endmacro %}

{# Where a document came from: the host of its first address, or null. #}
{% macro host_of_first_request(document) -%}
    {{ return(adapter.dispatch('host_of_first_request')(document)) }}
{%- endmacro %}

{#
    Read from the document's beginning, where the platform writes its addresses. To parse all of it takes 3.5 GB and four times as
    long for 435 MB of documents; so only one that begins otherwise is.
#}
{% macro duckdb__host_of_first_request(document) -%}
    coalesce(
        {{ matched('cast(' ~ document ~ ' as varchar)', '^[^[]*"requests":\["[a-z]+://([^/"]+)') }},
        {{ default__host_of_first_request(document) }}
    )
{%- endmacro %}

{% macro default__host_of_first_request(document) -%}
    split_part({{ json_text(document, 'requests[0]') }}, '/', 3)
{%- endmacro %}

{# The file that a photo shows, whatever source reports it, without the rendition; without an address, the photo itself. #}
{% macro product_of(photos) -%}
    coalesce(
        nullif(regexp_replace(upper(split_part({{ file_name(photos ~ '.image_url') }}, '.', 1)), '(_1200|-BR)$', ''), ''),
        {{ photos }}.photo_key
    )
{%- endmacro %}

{# The picture of a rover, of which there may be several products. #}
{% macro picture(relation=none) -%}
    {%- set prefix = relation ~ '.' if relation else '' -%}
    coalesce({{ prefix }}product_identity, {{ prefix }}product)
{%- endmacro %}

{#
    CTEs, of which the last, matched, has photo_key and id: what belongs together by the first of the rounds in which it does. A
    round is the method of the ids that take part and what a photo and an id of it have in common. Of several with the same they
    are matched in the order of their names.
#}
{% macro matched_in_rounds(photos, ids, rounds) -%}
matched_0 as (
    select
        cast(null as varchar) as photo_key,
        cast(null as integer) as id
    where false
)
{%- for method, key in rounds %},

{{ 'matched' if loop.last else 'matched_' ~ loop.index }} as (
    select * from matched_{{ loop.index0 }}
    union all
    select
        photos_left.photo_key,
        ids_left.id
    from (
        select
            photo_key,
            {{ _match_key(key) }} as match_key,
            {{ _place(key, 'photo_key') }} as place
        from {{ photos }}
        where
            photo_key not in (select photo_key from matched_{{ loop.index0 }})
            and {{ _match_key(key) }} in (
                select {{ _match_key(key) }} from {{ ids }}
                where method = '{{ method }}'
            )
    ) as photos_left
    inner join (
        select
            id,
            {{ _match_key(key) }} as match_key,
            {{ _place(key, 'id') }} as place
        from {{ ids }}
        where
            method = '{{ method }}'
            and id not in (select id from matched_{{ loop.index0 }})
    ) as ids_left
        on photos_left.match_key = ids_left.match_key and photos_left.place = ids_left.place
)
{%- endfor %}
{%- endmacro %}

{# Thumbnails are matched with thumbnails. #}
{% macro _match_key(key) -%}
    {{ return({
        'photo_key': 'photo_key',
        'product': "rover || '|' || product",
        'picture': "concat_ws('|', rover, " ~ picture() ~ ", cast(is_thumbnail as varchar))",
    }[key]) }}
{%- endmacro %}

{# A photo_key is that of one photo and of one id. #}
{% macro _place(key, unique) -%}
    {%- if key == 'photo_key' -%}
        1
    {%- else -%}
        row_number() over (partition by {{ _match_key(key) }} order by product, {{ unique }})
    {%- endif -%}
{%- endmacro %}

{# The first 32 bits of a digest in hexadecimal. #}
{% macro leading_bits(digest) -%}
    (
        {%- for place in range(8) %}
        {{ 16 ** (7 - place) }}
        * cast(position(substr({{ digest }}, {{ place + 1 }}, 1) in '0123456789abcdef') - 1 as bigint){{ ' +' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
