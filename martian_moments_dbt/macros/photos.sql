{# How the staging of every photo dialect begins. #}

{# What each of its rows says of the document that it comes from: the expression by the name of the column, in their order. #}
{% macro document_columns() -%}
    {{ return({
        'object_key': 'object_key',
        'etag': 'etag',
        'rover': 'rover',
        'document_sol': 'sol',
        'source': 'source',
        'fetched_at': 'fetched_at',
    }) }}
{%- endmacro %}

{# Two CTEs: documents of one dialect, and records, a row for each photo in them. array and fields are those of records(). #}
{% macro photo_records_of(dialect, array, fields) -%}
documents as (
    select * from {{ bronze('raw_photos') }}
    where source = '{{ dialect }}'
),

records as (
    {{ records('documents', array, keep=document_columns(), fields=fields) }}
)
{%- endmacro %}

{# What a picture shows, as the staging of every dialect has it behind is_thumbnail: types by the columns' names, in their order. #}
{% macro picture_columns() -%}
    {{ return({
        'sequence_id': 'varchar',
        'width_px': 'integer',
        'height_px': 'integer',
        'scale_factor': 'integer',
        'subframe_x': 'integer',
        'subframe_y': 'integer',
        'subframe_width': 'integer',
        'subframe_height': 'integer',
        'view_azimuth_deg': 'double',
        'view_elevation_deg': 'double',
        'fov_h_deg': 'double',
        'fov_v_deg': 'double',
        'view_method': 'varchar',
        'camera_x_m': 'double',
        'camera_y_m': 'double',
        'camera_z_m': 'double',
        'caption': 'varchar',
        'credit': 'varchar',
        'image_url_small': 'varchar',
        'image_url_full': 'varchar',
    }) }}
{%- endmacro %}

{#
    The first column or row of a subframe in pixels of the detector, from what is reported in pixels as delivered. Whether it was
    divided by the scale as well nobody states: where it makes a difference it is null.
#}
{% macro first_pixel(reported, scale) -%}
    case when {{ scale }} = 1 or {{ reported }} = 1 then {{ reported }} end
{%- endmacro %}

{# An address by https where it is one of NASA's: its servers have both, another's may have no other than it names. #}
{% macro secure(url) -%}
    case
        when {{ url }} like 'http://%' and split_part({{ url }}, '/', 3) like '%.nasa.gov' then 'https' || substr({{ url }}, 5)
        else {{ url }}
    end
{%- endmacro %}
